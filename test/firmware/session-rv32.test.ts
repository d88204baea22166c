import { sessions } from './session.js';

sessions('rv32', ['wasm2c', 'wamr-fast']);
