import createIgnore from 'ignore'
import { publishError } from '../errors.ts'
import { publisherLimits } from '../limits.ts'

export const ignoreFileName = '.longwaveignore'

/** Never published unless a rule such as `!.git/` asks for it. */
const builtInRules = ['.git/', `/${ignoreFileName}`]

export interface IgnoreRules {
  /** Whether a path, relative to the base directory, stays out of the release. */
  ignores(path: string, directory: boolean): boolean
}

/**
 * Rules in the syntax of `.gitignore`, later ones win: built-in ones, then the directory's own
 * `.longwaveignore`, then those of the command line. Case matters on every system, so that the
 * same directory gives the same release everywhere.
 * @throws LW_PUBLISH_ATTRIBUTE for too many rules
 */
export function createIgnoreRules(
  fileText: string | undefined,
  globs: readonly string[],
): IgnoreRules {
  const own = (fileText ?? '').split(/\r?\n/)
  if (own.length + globs.length > publisherLimits.ignoreRulesMax) {
    throw publishError('LW_PUBLISH_ATTRIBUTE', {
      detail: `${own.length + globs.length} ignore rules, at most ${publisherLimits.ignoreRulesMax}.`,
    })
  }
  const rules = createIgnore({ ignorecase: false, allowRelativePaths: false })
    .add(builtInRules)
    .add(own)
    .add([...globs])
  return { ignores: (path, directory) => rules.ignores(directory ? `${path}/` : path) }
}
