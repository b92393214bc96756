/** What a body that is a file is made of: see file-body.ts. */

/** A part of a regular file that is open for reading. */
export interface OpenFilePart {
  readonly fd: number;
  readonly offset: number;
  readonly length: number;
  /** So many bytes a second at most, where the engine can. */
  readonly paceBytesPerSecond?: number | undefined;
  /** Whether the file still is what was promised: asked before each MiB. What it throws counts as no. */
  verify?(): boolean;
  /** Reads at `offset` of the file into `into`, as much as it finds; 0 at the end of the file. */
  read(into: Uint8Array, offset: number): Promise<number>;
  /** Nobody uses the descriptor any more. Called once, and not while a read is under way. */
  close(): void;
}
