// What core-legacy-test.wasm and core-gateway-test.wasm export besides: MD5 and its HMAC.
export { md5Begin, md5End, md5Update } from "../crypto/md5";
export { hmacMd5Begin, hmacMd5End } from "../crypto/hmac-md5";
