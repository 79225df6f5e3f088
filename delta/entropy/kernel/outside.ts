/* What the kernel asks of the code around it. */

/** Puts more coded bytes into their room, at an address; returns how many, 0 at the end of the stream. */
@external('kernel', 'refill')
export declare function refill(at: usize): u32

/** Takes over the coded bytes at `codedAt`. */
@external('kernel', 'drain')
export declare function drain(bytes: u32): void

/** Ends everything with an error: one of the reasons below. It does not return. */
@external('kernel', 'stop')
export declare function stop(reason: u32): void

export const endsTooEarly: u32 = 0
export const numberTooLarge: u32 = 1
export const literalsBeyondFile: u32 = 2
export const copyBeyondFile: u32 = 3
export const copyOutsideBase: u32 = 4
export const nothingDone: u32 = 5
export const runBeyondCopy: u32 = 6
