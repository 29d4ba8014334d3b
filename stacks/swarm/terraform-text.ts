// Texts as Terraform and the provider read them. Pure.

/** `${` and `%{` begin an expression in Terraform; doubled they are what they look like. */
export function literal(text: string): string {
  return text.replace(/[$%](?=\{)/g, (sign) => sign + sign);
}

export function literals(texts: readonly string[]): string[] {
  return texts.map(literal);
}

/** The name of a resource: Terraform's begin with a letter, ours may begin with a digit. */
export function resourceName(name: string): string {
  return /^[0-9]/.test(name) ? `_${name}` : name;
}

/** As a word of a POSIX shell. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

const UNIT_SECONDS = { s: 1, m: 60, h: 3_600 } as const;

/** "90s" → "1m30s", "60s" → "1m": as Go prints it and the provider reports it; anything else would be a difference at every apply. */
export function goDuration(text: string): string {
  const [, amount, unit] = /^([0-9]+)([smh])$/.exec(text)!;
  const seconds = Number(amount) * UNIT_SECONDS[unit as keyof typeof UNIT_SECONDS];
  const parts = [
    [Math.floor(seconds / 3_600), 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  if (seconds === 0) return '0s';
  const first = parts.findIndex(([count]) => count > 0);
  const last = parts.findLastIndex(([count]) => count > 0);
  return parts
    .slice(first, last + 1)
    .map(([count, name]) => `${count}${name}`)
    .join('');
}
