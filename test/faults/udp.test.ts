import { shortMatrix } from './short.js';

shortMatrix('udp');
