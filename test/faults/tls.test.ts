import { shortMatrix } from './short.js';

shortMatrix('tls');
