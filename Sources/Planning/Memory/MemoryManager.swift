import KVMemory
import Messages

/// A manager that `compare --memory` knows: a value, made for a model and a pool.
///
/// Adding one takes its value in one of the lists that ``all`` joins.
package struct MemoryManager: Sendable {
  package let name: String
  package let summary: String
  /// What it comes down to for a model, where that is not what it is about.
  package private(set) var note: @Sendable (MemoryModel) -> String = { _ in "" }
  package let make: @Sendable (MemoryModel) -> RunningMemory
  /// Tokens that a sequence attends to once so many are there.
  package var attended: @Sendable (MemoryModel, SequenceLengths, Int) -> Int = { $2 }
  /// Whether it drops tokens, so that its answers are not those of the model.
  package var isLossy = false
  /// Of a manager that drops tokens: the longest sequence that loses none.
  package var wholeTokens: @Sendable (MemoryModel) -> Int = { $0.capTokens }

  init(
    _ name: String, _ summary: String, make: @escaping @Sendable (MemoryModel) -> RunningMemory
  ) {
    self.name = name
    self.summary = summary
    self.make = make
  }

  func noting(_ note: @escaping @Sendable (MemoryModel) -> String) -> MemoryManager {
    var noted = self
    noted.note = note
    return noted
  }

  /// By how much they know of a model.
  package static let all = contiguous + mapped + paged + typed + split + capped

  /// The managers of a list of names by commas; `all` for all.
  ///
  /// - Throws: ``UserError`` that names the nearest.
  package static func find(_ text: String) throws(UserError) -> [MemoryManager] {
    if text == "all" { return all }
    var found: [MemoryManager] = []
    for word in text.split(separator: ",", omittingEmptySubsequences: false) {
      let name = String(word.trimmingPrefix(while: \.isWhitespace))
      guard let manager = all.first(where: { $0.name == name }) else {
        throw UserError.unknown(
          "memory manager", name, among: all.map(\.name) + ["all"],
          listedBy: "kvplan compare --help")
      }
      if !found.contains(where: { $0.name == manager.name }) { found.append(manager) }
    }
    return found
  }

  /// Of managers that know one kind of layer, and put states somewhere.
  static func wholeContext(states: String) -> @Sendable (MemoryModel) -> String {
    { model in
      [(model.hasWindows, "windows are kept whole"), (model.hasStates, states)]
        .filter(\.0).map(\.1).joined(separator: "; ")
    }
  }

  static let statesAhead = "a state takes the bytes of tokens ahead of its sequence"
}

// MARK: Contiguous chunks

extension MemoryManager {
  static let contiguous = [
    orca("max", "the longest sequence") { model, _ in model.modelLength },
    orca("pow2", "the output's next power of two") { model, lengths in
      min(
        lengths.prompt + BuddyAllocator.chunkSize(forBlocks: lengths.output), model.modelLength)
    },
    orca("oracle", "the output, known ahead") { _, lengths in lengths.prompt + lengths.output },
  ]

  private static func orca(
    _ estimator: String, _ reserves: String,
    reservation: @escaping @Sendable (MemoryModel, SequenceLengths) -> Int
  ) -> MemoryManager {
    MemoryManager("orca-\(estimator)", "contiguous chunks, reserves \(reserves)") { model in
      RunningMemory(
        ContiguousManager(
          bytes: model.bytes, layers: model.layers, blockTokens: model.blockTokens,
          longest: model.modelLength, reservation: { reservation(model, $0) }))
    }.noting(wholeContext(states: statesAhead))
  }
}

// MARK: Virtual memory

extension MemoryManager {
  static let mapped = [
    vAttention("vattention", bytes: 2 << 20, "2 MiB"),
    vAttention("vattention-64k", bytes: 64 << 10, "64 KiB"),
    MemoryManager(
      "vtensor", "virtual tensors, 2 MiB chunks, prompts look 100 tokens ahead"
    ) { model in
      .vTensor(
        bytes: model.bytes, layers: model.layers, groupTokens: groupTokens(model, bytes: 2 << 20))
    }.noting(wholeContext(states: statesAhead)),
    MemoryManager("kvcached", "2 MiB pages of each layer's K and V, cut into blocks") { model in
      RunningMemory(
        KVCachedManager(
          bytes: model.bytes, layers: model.layers, blockTokens: model.blockTokens,
          pageBytes: 2 << 20, tensors: model.tensors))
    }.noting(wholeContext(states: statesAhead)),
  ]

  private static func vAttention(_ name: String, bytes: Int, _ size: String) -> MemoryManager {
    MemoryManager(name, "virtual tensors, page-groups of \(size)") { model in
      .vAttention(
        bytes: model.bytes, layers: model.layers, groupTokens: groupTokens(model, bytes: bytes))
    }.noting(wholeContext(states: statesAhead))
  }

  /// Tokens of a page of a tensor, at least 1.
  private static func groupTokens(_ model: MemoryModel, bytes: Int) -> Int {
    max(1, bytes * model.tensors / model.layers.tokenBytes)
  }
}

// MARK: One block table

extension MemoryManager {
  static let paged = [
    MemoryManager(
      "paged", "blocks of all layers, one block table (vLLM of SOSP'23)"
    ) { model in
      .units(
        bytes: model.bytes, model.oneTable, unitBytes: model.wholeTokens.contentBytes,
        inFlight: model.batchedTokens)
    }.noting(wholeContext(states: "a state takes whole blocks")),
    MemoryManager(
      "padded-unified", "pages of a layer's largest unit, others padded (AVMP's baseline)"
    ) { model in
      let groups = model.oneTable
      let layers = groups.map { $0.parts.reduce(0) { $0 + $1.layers } }
      let units = zip(groups, layers).map { ($0.contentBytes + $1 - 1) / $1 }
      return .units(
        bytes: model.bytes, groups, unitBytes: units.max() ?? 1, unitsOfPage: layers,
        inFlight: model.batchedTokens)
    }.noting { withoutStates($0, "pages of one layer, as `paged`") },
  ]

  static func withoutStates(_ model: MemoryModel, _ then: String) -> String {
    let windows = model.hasWindows ? ["windows are kept whole"] : []
    return ((model.hasStates ? [] : ["no states: \(then)"]) + windows).joined(separator: "; ")
  }
}

// MARK: Two stores

extension MemoryManager {
  static let split = [
    dual("fixed-dual", share: 0.5, isDynamic: false, "half for states; AVMP static is the same"),
    dual("fixed-dual-0.9", share: 0.9, isDynamic: false, "nine tenths for states"),
    dual("avmp-dynamic", share: 0.5, isDynamic: true, "half for states, the boundary moves"),
  ]

  private static func dual(
    _ name: String, share: Double, isDynamic: Bool, _ what: String
  ) -> MemoryManager {
    MemoryManager(name, "two stores: \(what)") { model in
      guard model.hasStates else {
        return .units(
          bytes: model.bytes, model.oneTable, unitBytes: model.wholeTokens.contentBytes,
          inFlight: model.batchedTokens)
      }
      return .split(
        bytes: model.bytes, keysAndValues: model.wholeTokens, states: model.states,
        stateShare: share, isDynamic: isDynamic, inFlight: model.batchedTokens)
    }.noting { withoutStates($0, "all is for tokens, as `paged`") }
  }
}

// MARK: Groups by what layers keep

extension MemoryManager {
  static let typed = [
    MemoryManager("vllm-v1", "groups of as many layers, one page size (vLLM V1)") { model in
      let groups = model.vllmGroups.map { model.paged($0) }
      return .units(
        bytes: model.bytes, groups, unitBytes: model.vllmPageBytes,
        unitsOfPage: groups.map { _ in 1 }, inFlight: model.batchedTokens)
    }.noting { plain($0) ?? "" },
    MemoryManager(
      "max-pages", "pages as large as the largest block, others hold more tokens"
    ) { model in
      let page = model.largestBlock
      let groups = model.typed { kind in
        max(1, page / (kind.bytes * model.blockTokens)) * model.blockTokens
      }
      return .units(
        bytes: model.bytes, groups, unitBytes: page, unitsOfPage: groups.map { _ in 1 },
        inFlight: model.batchedTokens)
    }.noting { plain($0) ?? "" },
    MemoryManager(
      "gcd-pages", "pages of the greatest common divisor; no kernel has them"
    ) { model in
      .units(
        bytes: model.bytes, model.typed, unitBytes: gcd(model), inFlight: model.batchedTokens)
    }.noting { plain($0) ?? "a page of \(gcd($0)) bytes" },
    MemoryManager(
      "jenga", "large pages of the least common multiple, split by type"
    ) { model in
      .jenga(bytes: model.bytes, model.typed, inFlight: model.batchedTokens)
    }.noting { plain($0) ?? largePages($0) },
  ]

  private static func largePages(_ model: MemoryModel) -> String {
    let blocks = model.typed.map(\.contentBytes)
    let large = JengaPool.leastCommonMultiple(blocks)
    let split = blocks.map { "\(large / $0)" }.joined(separator: " or ")
    return "\(model.bytes / large) large pages of \(large) bytes: \(split) blocks"
  }

  private static func plain(_ model: MemoryModel) -> String? {
    model.isPlain ? "one kind of layer: as `paged`, with a prefix cache" : nil
  }

  private static func gcd(_ model: MemoryModel) -> Int {
    model.typed.reduce(0) { greatestCommonDivisor($0, $1.contentBytes) }
  }
}
