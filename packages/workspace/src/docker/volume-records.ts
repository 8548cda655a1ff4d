/** What wave itself writes down about the snapshot volumes that it made or used, one small file each. */
export class VolumeRecords {
  made(_key: string, _sizeBytes: number): void {}
  used(_key: string): void {}
  lastUsedMs(_key: string): number | undefined {
    return undefined
  }
}
