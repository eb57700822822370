/** What is wrong with a template, or with what it asks of a value. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError'
  /** Where in the template, in characters from its beginning. */
  readonly at: number

  constructor(message: string, at: number) {
    super(message)
    this.at = at
  }
}
