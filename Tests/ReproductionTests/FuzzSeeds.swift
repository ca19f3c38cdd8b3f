import Foundation

/// Seeds of a fuzz test; as many as `KVPLAN_FUZZ_SEEDS` says where that is set (`make fuzz-memories`).
func seeds(_ usual: UInt64) -> Range<UInt64> {
  0..<(ProcessInfo.processInfo.environment["KVPLAN_FUZZ_SEEDS"].flatMap(UInt64.init) ?? usual)
}
