import { sessions } from './session.js';

sessions('m3', ['wasm2c', 'wamr-fast']);
