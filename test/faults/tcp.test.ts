import { shortMatrix } from './short.js';

shortMatrix('tcp');
