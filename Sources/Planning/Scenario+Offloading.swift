import CostModel
import KVMemory
import Messages
import ModelFiles
import Serving
import SimulationKernel
import Workload

/// A tier in the host's memory behind the prefix cache, and one on disks below it.
extension Scenario {
  /// What `--kv-offloading-size` comes to: a chunk of the tier is a block on every GPU.
  func offloading(
    _ groups: [BlockGroup], _ limits: IterationLimits, _ costModel: any IterationCostModel
  ) throws(UserError) -> OffloadingSettings? {
    guard let size = kvOffloadingGiB else {
      for (flag, isGiven) in [
        ("--kv-offloading-bandwidth", kvOffloadingGBps != nil), ("--kv-restore", kvRestore != nil),
        ("--kv-disk-size", kvDiskGiB != nil), ("--kv-disk-bandwidth", kvDiskBandwidth != nil),
        ("--kv-disk-latency", kvDiskLatency != nil),
        ("--kv-offloading-backend", kvOffloadingBackend != nil),
      ] where isGiven {
        throw UserError(
          "`\(flag)` decides nothing without a tier",
          hint: "leave it out, or give `--kv-offloading-size`")
      }
      return nil
    }
    let bandwidth = kvOffloadingGBps ?? sizedDevice.pcieBandwidth / 1e9
    guard bandwidth > 0, bandwidth.isFinite else {
      throw UserError("`--kv-offloading-bandwidth` must be positive GB/s, found `\(bandwidth)`")
    }
    guard choices.prefixCaching else {
      throw UserError(
        "`--kv-offloading-size` keeps what a prefix cache has lost, and there is none",
        hint: "leave out one of `--kv-offloading-size` and `--no-enable-prefix-caching`")
    }
    guard groups.allSatisfy({ $0.keeps == .all || $0.keeps.attendedMax != nil }) else {
      throw UserError(
        "`--kv-offloading-size` is known for layers that keep every token or a window, and "
          + "`\(model.name)` has others",
        hint: "leave it out")
    }
    try requireBackend()
    let chunks = try tierChunks("--kv-offloading-size", size)
    let link = HostLink(blockBytes: kvCacheSpec.blockBytes, bandwidth: bandwidth * 1e9)
    var settings = OffloadingSettings(
      chunks: chunks, link: link, restoring: kvRestore ?? .load)
    if let (chunks, link) = try disk(below: chunks) {
      settings.options.chunksBelow = chunks
      settings.disk = link
    }
    settings.options.blocksPerChunk = blocksPerChunk
    settings.options.copiesInStep = kvOffloadingBackend?.copiesInStep ?? false
    settings.prices = try restorePrices(groups, link, limits, costModel)
    return settings
  }

  private var blocksPerChunk: Int { (kvOffloadingBackend?.chunkTokens ?? blockSize) / blockSize }

  /// Bytes of a chunk of the tiers on all GPUs.
  private var chunkBytes: Int {
    kvCacheSpec.blockBytes * tensorParallel * pipelineParallel * blocksPerChunk
  }

  /// Refuses a backend beside what it is not known with.
  private func requireBackend() throws(UserError) {
    guard let backend = kvOffloadingBackend, let tokens = backend.chunkTokens else { return }
    let flag = "`--kv-offloading-backend \(backend.rawValue)`"
    guard tokens.isMultiple(of: blockSize) else {
      throw UserError(
        "\(flag) has chunks of \(tokens) tokens, which `--block-size` \(blockSize) does not divide",
        hint: "give a block size that does, or leave the backend out")
    }
    let others = [
      ("--kv-disk-size", kvDiskGiB != nil), ("--kv-restore", (kvRestore ?? .load) != .load),
      ("--async-scheduling", asyncScheduling == true),
    ]
    if let other = others.first(where: \.1)?.0 {
      throw UserError(
        "\(flag) and `\(other)` are not simulated together", hint: "leave one of them out")
    }
  }

  /// The chunks that so many GiB of a tier hold.
  private func tierChunks(_ flag: String, _ size: Double) throws(UserError) -> Int {
    let chunks = size * Double(1 << 30) / Double(chunkBytes)
    guard chunks >= 1, chunks < Double(Int32.max) else {
      throw UserError(
        "`\(flag)` \(size) GiB holds \(Int(max(0, min(chunks, 1e12)))) chunks of "
          + "\(chunkBytes) bytes, \(blocksPerChunk == 1 ? "a KV block" : "\(blocksPerChunk) KV blocks") on each GPU",
        hint: chunks < 1
          ? "give at least \(Double((chunkBytes >> 20) + 1) / 1024)" : "give less")
    }
    return Int(chunks)
  }

  /// What `--kv-disk-size` comes to below so many chunks of host memory; `nil` without it.
  private func disk(below hostChunks: Int) throws(UserError) -> (chunks: Int, link: DiskLink)? {
    guard let size = kvDiskGiB else {
      for (flag, isGiven) in [
        ("--kv-disk-bandwidth", kvDiskBandwidth != nil),
        ("--kv-disk-latency", kvDiskLatency != nil),
      ] where isGiven {
        throw UserError(
          "`\(flag)` decides nothing without a disk",
          hint: "leave it out, or give `--kv-disk-size`")
      }
      return nil
    }
    guard let bandwidth = kvDiskBandwidth else {
      throw UserError(
        "`--kv-disk-size` \(size) GiB has no bandwidth, and no catalogue tells one",
        hint: "give what it reads and writes in GB/s, such as `--kv-disk-bandwidth 7/5`")
    }
    let latency = kvDiskLatency ?? 0
    guard latency >= 0, latency < 1e9 else {
      throw UserError(
        "`--kv-disk-latency` must be at least 0 and below 1e9 ms, found `\(latency)`")
    }
    let chunks = try tierChunks("--kv-disk-size", size)
    guard chunks > hostChunks else {
      throw UserError(
        "`--kv-disk-size` holds \(chunks) chunks and `--kv-offloading-size` \(hostChunks): the disk has a copy of "
          + "what the host holds, and no room for more",
        hint: "give more than the host has, or leave it out")
    }
    guard kvRestore != .recompute else {
      throw UserError(
        "`--kv-restore recompute` reads no tier, so that nothing would come from `--kv-disk-size`",
        hint: "leave out one of them")
    }
    return (
      chunks,
      DiskLink(
        chunkBytes: chunkBytes, readBandwidth: bandwidth.read * 1e9,
        writeBandwidth: bandwidth.write * 1e9, latency: SimDuration(rounding: latency / 1e3))
    )
  }

  /// What rules compare that choose between computing and loading; `nil` for the others.
  private func restorePrices(
    _ groups: [BlockGroup], _ link: HostLink, _ limits: IterationLimits,
    _ costModel: any IterationCostModel
  ) throws(UserError) -> RestorePrices? {
    guard let rule = kvRestore, rule == .faster || rule == .twoPointers else { return nil }
    guard groups.allSatisfy({ $0.keeps == .all }) else {
      throw UserError(
        "`--kv-restore \(rule.rawValue)` is known for layers that keep every token, and "
          + "`\(model.name)` has others",
        hint: "leave it out: what the tier holds is loaded")
    }
    let compute = PrefillTable(
      restoring: costModel, model.attendedMax, limit: limits.tokens, upTo: limits.modelLength)
    return RestorePrices(
      compute: compute, loadSeconds: link.duration(blocks: 1).seconds / Double(blockSize))
  }

  /// A tier finds chunks by what they hold.
  func checkContents(of trace: Trace) throws(UserError) {
    let isHiCache = sglang.hierarchicalCache == true
    guard kvOffloadingGiB != nil || isHiCache, trace.contents == nil else { return }
    let flag = isHiCache ? "--enable-hierarchical-cache" : "--kv-offloading-size"
    throw UserError(
      "`\(flag)` finds keys and values by what prompts hold, which `\(trace.name)` does not say",
      hint:
        "leave it out, or replay a trace with contents, such as one of `kvplan trace generate --turns`"
    )
  }
}

/// What a disk reads and writes, GB/s (`--kv-disk-bandwidth`).
package struct DiskBandwidth: Equatable, Sendable {
  package var read: Double
  package var write: Double

  /// Reads `READ`, for both directions, or `READ/WRITE`.
  ///
  /// - Throws: ``UserError`` for what is neither, and for a direction in which nothing moves.
  package init(_ text: String) throws(UserError) {
    let words = text.split(separator: "/", omittingEmptySubsequences: false)
    let numbers = words.compactMap { Double($0) }.filter { $0 > 0 && $0.isFinite }
    guard (1...2).contains(words.count), numbers.count == words.count else {
      throw UserError(
        "`--kv-disk-bandwidth` must be positive GB/s, for both directions or `READ/WRITE`, found "
          + "`\(printable(text))`", hint: "write `7/5`")
    }
    (read, write) = (numbers[0], numbers[numbers.count - 1])
  }

  package var text: String { read == write ? "\(read)" : "\(read)/\(write)" }
}
