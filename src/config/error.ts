/** What an operator or a program using the library did wrong: a stable code, and a sentence that names the remedy. */
export class BowlineError extends Error {
  /** Stable, for programs: `config`, `bad-name`, `bad-type` … */
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'BowlineError'
    this.code = code
  }
}
