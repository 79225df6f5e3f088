import { codeByte } from './byte-model'

/** Bits of the models of texts and strings. */
export const shortBits: u32 = 10

/**
 * Codes bytes of a string (docs/formats/bundle.md, 3.7); `recent` are the last four, and those of the
 * end come back.
 */
export function codeString(model: usize, recent: u32, at: usize, count: u32): u32 {
  for (let i: u32 = 0; i < count; i++) {
    const byte = codeByte(
      model,
      shortBits,
      0,
      recent & 0xff,
      recent & 0xffff,
      recent & 0xffffff,
      recent,
      recent & 0xff00,
      -1,
      0,
      -1,
      0,
      0,
      load<u8>(at + i),
    )
    store<u8>(at + i, byte)
    recent = (recent << 8) | byte
  }
  return recent
}
