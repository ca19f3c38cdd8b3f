/// A release of vLLM by its numbers.
///
///     0.11.2    that release
///     0.11      the last one of its minor number, whose patches are not counted
///     0.6.6.post1, 0.10.2rc1    as 0.6.6 and 0.10.2
package struct VLLMRelease: Comparable, Hashable, Sendable {
  package let major: Int
  package let minor: Int
  /// `nil` for the last of its minor number.
  package let patch: Int?

  package init(_ major: Int, _ minor: Int, _ patch: Int? = nil) {
    self.major = major
    self.minor = minor
    self.patch = patch
  }

  /// `nil` for a text that does not begin with two numbers.
  package init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count >= 2, let major = Int(parts[0]), let minor = Int(parts[1]),
      (0..<1000).contains(major), (0..<1000).contains(minor)
    else { return nil }
    guard parts.count > 2 else {
      self.init(major, minor)
      return
    }
    guard let patch = Int(parts[2].prefix { $0.isASCII && $0.isNumber }), patch < 1000 else {
      return nil
    }
    self.init(major, minor, patch)
  }

  package static func < (a: VLLMRelease, b: VLLMRelease) -> Bool {
    (a.major, a.minor, a.patch ?? .max) < (b.major, b.minor, b.patch ?? .max)
  }
}

/// What changed when: the first release that was read with the rule, which may have come with an unread one just before.
///
/// - Source: vLLM's wheels 0.6.6 to 0.33, read and not run.
extension VLLMRelease {
  /// Other memory of the device is what grew since the engine started (from memory); before, all that is in use.
  package static let countsGrowthBeforeV1 = VLLMRelease(0, 6, 5)
  /// The V1 engine serves by default; it counts all other memory of the device that is in use.
  package static let v1Engine = VLLMRelease(0, 8, 0)
  /// Other memory of the device is what grew since the first snapshot.
  package static let countsGrowthOnly = VLLMRelease(0, 9, 0)
  /// Devices from 70 GiB on that are no A100 take 8,192 tokens and 1,024 sequences.
  package static let largeBatches = VLLMRelease(0, 8, 0)
  /// Experts run as separate steps over two workspaces.
  package static let modularExperts = VLLMRelease(0, 10, 2)
  /// A default of `--max-num-seqs` is at most that of `--max-num-batched-tokens`.
  package static let sequencesWithinTokens = VLLMRelease(0, 10, 2)
  /// `--kv-cache-memory-bytes`.
  package static let takesCacheBytes = VLLMRelease(0, 10, 2)
  /// The first snapshot follows NCCL's start, so that its buffers are not charged.
  package static let snapshotAfterNCCL = VLLMRelease(0, 11, 0)
  /// A default of `--max-num-batched-tokens` is at most what all sequences hold.
  package static let tokensWithinSequences = VLLMRelease(0, 11, 2)
  /// Where LongRoPE stretches positions, the length before is the longest by default.
  package static let longRoPEUnstretched = VLLMRelease(0, 11, 2)
  /// Experts see 16,384 tokens at a time, 32,768 before.
  package static let expertChunk16K = VLLMRelease(0, 12, 0)
  /// Iterations that are decided ahead stop at a request's last token.
  package static let stopsAhead = VLLMRelease(0, 12, 0)
  /// One workspace, which stays, serves all layers of experts.
  package static let sharedWorkspace = VLLMRelease(0, 13, 0)
  /// The host prepares an iteration while the device runs the one before.
  package static let asynchronous = VLLMRelease(0, 14, 0)
  /// Top-k and top-p without sorting the vocabulary.
  package static let samplesUnsorted = VLLMRelease(0, 17, 1)
  /// A reduction and the norm behind it are one kernel on Hopper and B200, where neither data nor stages are parallel.
  package static let fusesReductions = VLLMRelease(0, 17, 1)
  /// Experts see all tokens at once.
  package static let expertsUnchunked = VLLMRelease(0, 18, 1)
  /// A request is admitted only if its whole prompt fits.
  package static let wholePromptAdmission = VLLMRelease(0, 19, 1)
  /// CUDA graphs are estimated and taken off; 0.92 of the memory by default.
  package static let countsGraphs = VLLMRelease(0, 20, 2)
  /// The same on a B300, and whatever else is parallel.
  package static let fusesReductionsAnywhere = VLLMRelease(0, 22, 1)
  /// Unhashed blocks go to the head of the free queue.
  package static let unhashedFirst = VLLMRelease(0, 23, 0)
  /// Memory for windows and chunks counts the tokens of all iterations in flight, and what lies behind a window is given
  /// back once it is computed.
  package static let countsInFlight = VLLMRelease(0, 26, 0)
  /// A drafting model takes a token of the iteration beside those of each sequence.
  package static let draftSlots = VLLMRelease(0, 28, 0)
  /// Keys of blocks stand for the token behind them where a head drafts: in the release whose step traces were recorded;
  /// those before it were not read for this, and are taken to give the last block of a hit back.
  package static let keysOfNextToken = VLLMRelease(0, 33, 0)
  /// Dense models run on the second model runner, whose sampler keeps the logits' type and which counts no graphs.
  package static let secondRunnerDense = VLLMRelease(0, 27, 1)
  /// Devices from 160 GiB on take 16,384 tokens; captures go to 1,024 tokens on Blackwell.
  package static let largestBatches = VLLMRelease(0, 28, 0)
  /// In groups that keep a part of a sequence, blocks get keys by need.
  package static let keysByNeed = VLLMRelease(0, 29, 0)
  /// All models run on the second runner, which counts graphs.
  package static let secondRunner = VLLMRelease(0, 29, 0)
  /// Positions under YaRN are those that a configuration states; its factor is in them.
  package static let yarnStated = VLLMRelease(0, 30, 0)
  /// The limit on long prompts does not hold for a request that is alone.
  package static let longPromptsAlone = VLLMRelease(0, 31, 0)
  /// The second runner's profile has a pass with every feature of the sampler, in 32 bits.
  package static let profilesWholeSampler = VLLMRelease(0, 33, 0)
}
