// A file that is to be on a host.

export interface HostFile {
  readonly path: string;
  /** Octal, as a chmod takes it. */
  readonly mode: '0644' | '0755' | '0600';
  readonly text: string;
}

/** Lines in sections, as systemd and NetworkManager read them; entries that are null are left out, and empty sections with them. */
export function iniText(header: string, sections: readonly Section[]): string {
  const blocks = sections.flatMap(([name, entries]) => {
    const given = entries.filter((entry): entry is readonly [string, string | number] => entry[1] !== null);
    return given.length === 0 ? [] : [`[${name}]\n${given.map(([key, value]) => `${key}=${value}\n`).join('')}`];
  });
  return `# ${header}\n${blocks.map((block) => `\n${block}`).join('')}`;
}

export type Section = readonly [
  name: string,
  entries: readonly (readonly [key: string, value: string | number | null])[],
];
