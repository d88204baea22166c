import { coreVectors } from './core-vectors.js';

coreVectors('host');
