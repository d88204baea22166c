import { sessions } from './session.js';

sessions('host', ['wasm2c', 'wamr-fast']);
