/** The lines for DHCP servers: option 60 where UEFI's HTTP boot needs it, each architecture with its numbers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dhcpdLines, dnsmasqLines } from './dhcp-lines.ts';

const URL_HERE = 'http://10.0.0.1:8080';

test('dnsmasq is told of iPXE, of HTTP boot with option 60, and of PXE by TFTP', () => {
  const lines = dnsmasqLines(URL_HERE);
  for (const line of [
    'dhcp-boot=tag:ipxe,http://10.0.0.1:8080/boot.ipxe',
    'dhcp-match=set:efi-x86-64-http,option:client-arch,16',
    'dhcp-option-force=tag:efi-x86-64-http,60,HTTPClient',
    'dhcp-boot=tag:!ipxe,tag:efi-x86-64-http,http://10.0.0.1:8080/ipxe.efi',
    'dhcp-match=set:efi-arm64-http,option:client-arch,19',
    'dhcp-match=set:efi-x86-64,option:client-arch,7',
    'dhcp-match=set:efi-arm64,option:client-arch,11',
    'dhcp-boot=tag:!ipxe,tag:bios,undionly.kpxe',
  ])
    assert.ok(lines.includes(line), line);
});

test('dhcpd is told the same, with braces that match', () => {
  const text = dhcpdLines(URL_HERE).join('\n');
  assert.equal(text.match(/\{/g)!.length, text.match(/\}/g)!.length);
  assert.match(
    text,
    /option vendor-class-identifier "HTTPClient";\n {2}if option client-architecture = 00:10 \{\n {4}filename "http:\/\/10\.0\.0\.1:8080\/ipxe\.efi";\n {2}\} elsif option client-architecture = 00:13 \{/,
  );
  assert.match(
    text,
    /\} else \{\n.*\n {2}if option client-architecture = 00:07 \{\n {4}filename "ipxe\.efi";\n {2}\} elsif option client-architecture = 00:0b \{/,
  );
});
