import { coreVectors } from './core-vectors.js';

coreVectors('rv32');
