/** What strangers send: HELLOs that are never proven, random bytes, and a real handshake's bytes changed in one of several ways. */

/** HELLO of a stream: version, link, suites, nonce [16], outbox, largest, key id, identity (protocol.md, "Handshake"). */
export function helloFrame(identity: string, nonce: Buffer): Buffer {
  const id = Buffer.from(identity);
  const body = Buffer.concat([Buffer.from([1, 0, 1]), nonce, Buffer.from([0, 0, 0, 1, 0x3f, 0xff, 0, id.length]), id]);
  return Buffer.concat([Buffer.from([0x81, body.length]), body]);
}

/** PROOF with a proof that is none. */
export function proofFrame(proof: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x83, proof.length]), proof]);
}

/** `count` bytes. */
export function randomFrom(random: () => number, count: number): Buffer {
  return Buffer.from(Array.from({ length: count }, () => Math.floor(random() * 256)));
}

/** What comes up as number `index`: a third random bytes, a third a changed HELLO, a third a HELLO with a wrong PROOF and rubbish behind it. */
export function hostileBytes(random: () => number, index: number): Buffer {
  if (index % 3 === 0) return randomFrom(random, 1 + Math.floor(random() * 300));
  const hello = helloFrame('pump-7', randomFrom(random, 16));
  if (index % 3 === 1) return mutated(random, hello);
  return Buffer.concat([hello, mutated(random, proofFrame(randomFrom(random, 16))), randomFrom(random, Math.floor(random() * 60))]);
}

function mutated(random: () => number, bytes: Buffer): Buffer {
  const at = Math.floor(random() * bytes.length);
  switch (Math.floor(random() * 4)) {
    case 0: // one bit
      bytes[at]! ^= 1 << Math.floor(random() * 8);
      return bytes;
    case 1: // cut off
      return bytes.subarray(0, Math.max(1, at));
    case 2: // a byte too much
      return Buffer.concat([bytes.subarray(0, at), randomFrom(random, 1), bytes.subarray(at)]);
    default: // twice
      return Buffer.concat([bytes, bytes]);
  }
}
