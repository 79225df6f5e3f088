/** How much time a making may take. */
export type Effort = 'fast' | 'best'
