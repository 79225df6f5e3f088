import { transformArm64 } from './arm64'
import { transformEhFrame } from './eh-frame'
import { transformGoFunctions } from './go-functions'
import { end } from './window'
import { transformWasmCode } from './wasm-code'
import { labelWords, transformPointers } from './words'
import { transformX86 } from './x86'
import { start } from './memory'

/** What the headers say that a region holds. */
const enum Content {
  x86,
  arm64,
  wasmCode,
  /** Data without addresses of its own. */
  unloadedData,
  data,
}

/** Labels the window at hand as what it holds. */
export function labelFields(content: u32): void {
  switch (content) {
    case Content.x86:
      transformX86(start, end)
      return
    case Content.arm64:
      transformArm64(start, end)
      return
    case Content.wasmCode:
      transformWasmCode(start, end)
      return
  }
  transformPointers(start, end)
  transformGoFunctions(start, end)
  if (content != Content.data) return
  transformEhFrame(start, end)
  labelWords(start, end)
}
