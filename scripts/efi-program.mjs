/** The least that UEFI loads as a program (PE32+, UEFI 2.10 §2.1.1): it writes a line to the machine's first serial port and stays there. */

const HEADERS_BYTES = 0x200;
const PAGE_BYTES = 0x1000;
const MACHINES = { x64: 0x8664, arm64: 0xaa64 };

/** @param architecture 'x64', with a PC's port at 0x3f8, or 'arm64', with the PL011 of QEMU's `virt` at 0x09000000 */
export function efiProgram(architecture, line) {
  const image = Buffer.alloc(HEADERS_BYTES + 0x200);
  image.write('MZ');
  image.writeUInt32LE(0x40, 0x3c);
  image.write('PE\0\0', 0x40);
  image.writeUInt16LE(MACHINES[architecture], 0x44);
  image.writeUInt16LE(1, 0x46); // sections
  image.writeUInt16LE(0xf0, 0x54); // size of the optional header
  image.writeUInt16LE(0x0022, 0x56); // executable, of 64 bits
  const optional = 0x58;
  image.writeUInt16LE(0x20b, optional);
  image.writeUInt32LE(0x200, optional + 4); // size of code
  image.writeUInt32LE(PAGE_BYTES, optional + 16); // entry
  image.writeUInt32LE(PAGE_BYTES, optional + 20); // base of code
  image.writeUInt32LE(PAGE_BYTES, optional + 32); // alignment of sections
  image.writeUInt32LE(0x200, optional + 36); // and in the file
  image.writeUInt32LE(2 * PAGE_BYTES, optional + 56); // size of the image
  image.writeUInt32LE(HEADERS_BYTES, optional + 60);
  image.writeUInt16LE(10, optional + 68); // an EFI application
  image.writeUInt32LE(16, optional + 108); // data directories, all empty
  const section = optional + 0xf0;
  image.write('.text', section);
  image.writeUInt32LE(0x200, section + 8);
  image.writeUInt32LE(PAGE_BYTES, section + 12);
  image.writeUInt32LE(0x200, section + 16);
  image.writeUInt32LE(HEADERS_BYTES, section + 20);
  image.writeUInt32LE(0x60000020, section + 36); // code, executable, readable
  const code = CODE[architecture];
  code.copy(image, HEADERS_BYTES);
  image.write(`${line}\r\n\0`, HEADERS_BYTES + code.length);
  return image;
}

const CODE = {
  // mov dx, 0x3f8; lea rsi, [rip + 10]; next: lodsb; test al, al; jz end; out dx, al; jmp next; end: jmp $
  x64: Buffer.from([
    0x66, 0xba, 0xf8, 0x03, 0x48, 0x8d, 0x35, 10, 0, 0, 0, 0xac, 0x84, 0xc0, 0x74, 0x03, 0xee, 0xeb, 0xf8,
    0xeb, 0xfe,
  ]),
  // movz x1, #0x900, lsl #16; adr x2, text; next: ldrb w3, [x2], #1; cbz w3, end; str w3, [x1]; b next; end: b .
  arm64: words(0xd2a12001, 0x100000c2, 0x38401443, 0x34000063, 0xb9000023, 0x17fffffd, 0x14000000),
};

function words(...values) {
  const code = Buffer.alloc(values.length * 4);
  for (const [at, value] of values.entries()) code.writeUInt32LE(value, at * 4);
  return code;
}
