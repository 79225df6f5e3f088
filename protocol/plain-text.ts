// What lists, pages and terminals show as it is: no control characters, and nothing that turns the
// direction of the text around it.
const steering = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u

/** Whether text is one line that steers nothing where it is shown. */
export function isPlainLine(text: string): boolean {
  return !steering.test(text)
}

/** The same for text of several lines. */
export function isPlainText(text: string): boolean {
  return !steering.test(text.replace(/[\n\t]/g, ''))
}
