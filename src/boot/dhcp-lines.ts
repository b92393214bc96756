/**
 * What a DHCP server has to say so that machines boot from here: lines for dnsmasq (its manual page) and for ISC's dhcpd
 * (dhcp-eval(5), dhcp-options(5)). Pure.
 *
 * Client architectures are IANA's (RFC 4578, RFC 5970 and the registry of processor architecture types): firmware that
 * boots over HTTP says another than the same firmware over TFTP, and takes an answer only with option 60 `HTTPClient`.
 */

interface Architecture {
  readonly tag: string;
  /** What it says when it boots over HTTP and over TFTP. */
  readonly http: number | undefined;
  readonly tftp: number;
  readonly program: string;
}

const ARCHITECTURES: readonly Architecture[] = [
  { tag: 'efi-x86-64', http: 16, tftp: 7, program: 'ipxe.efi' },
  { tag: 'efi-arm64', http: 19, tftp: 11, program: 'ipxe-arm64.efi' },
  { tag: 'efi-i386', http: 15, tftp: 6, program: 'ipxe-i386.efi' },
  { tag: 'bios', http: undefined, tftp: 0, program: 'undionly.kpxe' },
];

/** @param url of the boot server, without a slash at its end */
export function dnsmasqLines(url: string): string[] {
  const lines = [
    '# iPXE says so itself (option 175), whatever started it',
    'dhcp-match=set:ipxe,175',
    `dhcp-boot=tag:ipxe,${url}/boot.ipxe`,
    "# UEFI's HTTP boot: needs option 60, and a program that lies in the served folder",
  ];
  for (const { tag, http, program } of ARCHITECTURES)
    if (http !== undefined)
      lines.push(
        `dhcp-match=set:${tag}-http,option:client-arch,${http}`,
        `dhcp-option-force=tag:${tag}-http,60,HTTPClient`,
        `dhcp-boot=tag:!ipxe,tag:${tag}-http,${url}/${program}`,
      );
  lines.push(
    '# PXE: the first program comes by TFTP, which dnsmasq serves itself',
    '#enable-tftp',
    '#tftp-root=/srv/tftp',
  );
  for (const { tag, tftp, program } of ARCHITECTURES)
    lines.push(
      `dhcp-match=set:${tag},option:client-arch,${tftp}`,
      `dhcp-boot=tag:!ipxe,tag:${tag},${program}`,
    );
  return lines;
}

/** @param url of the boot server, without a slash at its end */
export function dhcpdLines(url: string): string[] {
  const lines = [
    'option client-architecture code 93 = unsigned integer 16;',
    'if exists user-class and option user-class = "iPXE" {',
    `  filename "${url}/boot.ipxe";`,
    '} elsif substring (option vendor-class-identifier, 0, 10) = "HTTPClient" {',
    '  option vendor-class-identifier "HTTPClient";',
  ];
  const branches = (number: 'http' | 'tftp', name: (program: string) => string): void => {
    let word = 'if';
    for (const each of ARCHITECTURES) {
      const value = each[number];
      if (value === undefined) continue;
      lines.push(
        `  ${word} option client-architecture = ${hex(value)} {`,
        `    filename "${name(each.program)}";`,
      );
      word = '} elsif';
    }
    lines.push('  }');
  };
  branches('http', (program) => `${url}/${program}`);
  lines.push('} else {', '  # by TFTP, from next-server');
  branches('tftp', (program) => program);
  lines.push('}');
  return lines;
}

/** A number of 16 bits as dhcpd compares it. */
function hex(value: number): string {
  const text = value.toString(16).padStart(4, '0');
  return `${text.slice(0, 2)}:${text.slice(2)}`;
}
