/**
 * Media types by which firmware decides what it has fetched. EDK2's HTTP boot goes by these first (HttpBootSupport.c:
 * `application/efi`, `application/vnd.efi-iso`, `application/vnd.efi-img`) and by the suffix only where it knows none of them.
 */

const EFI_SUFFIX = /\.efi(?:\.signed)?$/i;
/** What shim, GRUB and distributions call programs for UEFI, also without a suffix: `grubx64`, `mmaa64`. */
const EFI_NAME =
  /^(?:shim|grub|grubnet|gcd|mm|fb|boot|ipxe|snponly|snp|systemd-boot)(?:x64|ia32|aa64|arm|riscv64|loongarch64)$/i;

/** @returns undefined where firmware has no type of its own */
export function firmwareType(path: string): string | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (EFI_SUFFIX.test(name) || EFI_NAME.test(name)) return 'application/efi';
  if (/\.iso$/i.test(name)) return 'application/vnd.efi-iso';
  if (/\.img$/i.test(name)) return 'application/vnd.efi-img';
  return undefined;
}
