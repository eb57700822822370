/** The first of these, and how many more there are: `a, b and 3 more`. Empty for none. */
export function listed(words: readonly string[], most: number): string {
  const rest = words.length - most
  return `${words.slice(0, most).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}
