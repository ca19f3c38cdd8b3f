import CostModel
import KVMemory
import Messages
import Serving

/// A tier in the host's memory behind SGLang's prefix tree.
extension Scenario {
  /// What `--enable-hierarchical-cache` comes to for a pool of so many blocks; `nil` without it.
  ///
  /// - Source: SGLang's `memory_pool_host.py`, as public in 2026: twice the pool unless told otherwise, larger than the pool;
  ///   `--hicache-size` is of each GPU.
  func hiCache(deviceBlocks: Int) throws(UserError) -> HiCacheSettings? {
    let (ratio, size) = (sglang.hicacheRatio, sglang.hicacheSize)
    guard sglang.hierarchicalCache == true else {
      let others = [
        ("--hicache-ratio", ratio != nil), ("--hicache-size", size != nil),
        ("--hicache-write-policy", sglang.hicacheWritePolicy != nil),
      ]
      guard let other = others.first(where: \.1)?.0 else { return nil }
      throw UserError(
        "`\(other)` decides nothing without a tier",
        hint: "leave it out, or give `--enable-hierarchical-cache`")
    }
    guard choices.prefixCaching else {
      throw UserError(
        "`--enable-hierarchical-cache` keeps what a prefix tree has evicted, and there is none",
        hint: "leave out one of it and `--no-enable-prefix-caching`")
    }
    guard ratio == nil || size == nil else {
      throw UserError(
        "`--hicache-ratio` and `--hicache-size` both say how large the host's memory is",
        hint: "leave one of them out")
    }
    let blockBytes = kvCacheSpec.blockBytes
    let blocks = size.map { $0 * 1e9 / Double(blockBytes) } ?? (ratio ?? 2) * Double(deviceBlocks)
    guard blocks > Double(deviceBlocks), blocks < Double(Int32.max) else {
      let found = "\(Int(max(0, min(blocks, 1e12)))) blocks of \(blockBytes) bytes on the host"
      let flag = size == nil ? "--hicache-ratio" : "--hicache-size"
      throw UserError(
        "`\(flag)` \(size ?? ratio ?? 2) makes \(found), and the pool of a GPU has \(deviceBlocks): "
          + "the engine wants more there than here, and 2³¹ at most",
        hint: size == nil
          ? "give `--hicache-ratio` 2" : "give another, or `--hicache-ratio` 2 in its place")
    }
    return HiCacheSettings(
      tokens: Int(blocks) * blockSize, policy: sglang.hicacheWritePolicy ?? .writeThrough,
      link: HostLink(blockBytes: blockBytes, bandwidth: sizedDevice.pcieBandwidth),
      layers: max(1, model.layers.count / pipelineParallel))
  }
}
