import { coreVectors } from './core-vectors.js';

coreVectors('m3');
