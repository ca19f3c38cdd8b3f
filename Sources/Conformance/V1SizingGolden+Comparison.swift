import CostModel
import KVMemory

extension V1SizingConfiguration {
  /// Compares every field of the outcome.
  ///
  /// - Throws: ``Divergence`` at the first that differs, ``UserError`` for a field that is missing or out of range.
  func compare(number: Int) throws {
    let name = try record.string("name")
    func check<T: Equatable>(_ field: String, _ expected: T, _ got: T) throws {
      let comparison = StepComparison(record: record, step: number)
      try comparison.compare("\(name) \(field)", expected, got)
    }
    let (rules, pages) = (try rules(), try pages())
    try comparePages(pages, check)

    let groups = rules.groups(of: caches.map { pages[$0] })
    let cachesBlocks =
      try record.boolean("prefix_caching") && kinds.allSatisfy { $0.mode != "none" }
    let cache = KVCacheSpec(
      pooling: groups.map(\.group), countsNullBlock: true, cachesBlocks: cachesBlocks)
    let inFlight = KVGroupRules.inFlight(
      vllm: V1SizingGolden.minorRelease,
      tokenBudget: try record.count("max_num_batched_tokens", atLeast: 1),
      batches: try record.count("concurrent_batches", atLeast: 1))
    try check("max_in_flight_tokens", try record.integer("max_in_flight_tokens"), inFlight)
    let blocks =
      record.has("num_gpu_blocks_override")
      ? try record.count("num_gpu_blocks_override", atLeast: 1)
      : try record.integer("available_memory") / cache.blockBytes
    let pool = KVCapacity(blocks: blocks, of: cache, inFlight: inFlight)

    let result = try record.record("result")
    var modelLength = try record.count("max_model_len", atLeast: 1)
    let longest = pool.admittedLength(upTo: modelLength)
    let fits = try record.boolean("autofit") ? longest > 0 : longest == modelLength
    guard fits, !result.has("error") else {
      // The engine's exception, and the length that it proposes.
      let expected = result.has("error") ? try result.string("error") : "none"
      try check("error", expected, fits ? "none" : "ValueError")
      let isThisError = try result.string("text").contains("at least one request")
      try check("text", isThisError, true)
      return try check(
        "estimated_max_model_len", try result.integer("estimated_max_model_len"), longest)
    }
    modelLength = longest
    try compareGroups(groups, pool, modelLength: modelLength, check)
    try check("num_blocks", try result.integer("num_blocks"), pool.blocks)
    try check("bytes_per_block", try result.integer("bytes_per_block"), cache.blockBytes)
    try check("max_model_len", try result.integer("max_model_len"), modelLength)
    try check(
      "scheduler_block_size", try result.integer("scheduler_block_size"),
      cache.schedulerBlockTokens)
    try check("hash_block_size", try result.integer("hash_block_size"), cache.hashBlockTokens)
    try check(
      "blocks_per_max_len_request", try result.integer("blocks_per_max_len_request"),
      pool.blocksReserved(forTokens: modelLength))
    // Recorded to nine decimals.
    func rounded(_ value: Double) -> Double { (value * 1e9).rounded() / 1e9 }
    try check(
      "max_concurrency", rounded(try result.double("max_concurrency")),
      rounded(pool.sequences(ofTokens: modelLength)))
    try check(
      "kv_cache_size_tokens", try result.integer("kv_cache_size_tokens"),
      pool.tokens(inSequencesOf: modelLength))
  }

  private typealias Check<T> = (_ field: String, _ expected: T, _ got: T) throws -> Void

  /// Block and page of each kind of cache, and how attention was aligned to states.
  private func comparePages(_ pages: [KVLayerPage], _ check: Check<Int>) throws {
    for (kind, page) in zip(kinds, pages) {
      try check("\(kind.name) block_size", kind.blockTokens, page.blockTokens)
      try check("\(kind.name) page_bytes", kind.pageBytes, page.bytes)
    }
    guard record.has("hybrid_alignment") else { return }
    let aligned = try record.record("hybrid_alignment")
    try aligned.requireOnly(
      ["attention_block_size", "mamba_block_size", "mamba_page_size_padded"],
      in: "hybrid_alignment")
    let attention = pages.first { !$0.keeps.isState }
    let state = pages.first(where: \.keeps.isState)
    try check(
      "attention_block_size", try aligned.integer("attention_block_size"),
      attention?.blockTokens ?? 0)
    try check(
      "mamba_block_size", try aligned.integer("mamba_block_size"), state?.blockTokens ?? 0)
    try check(
      "mamba_page_size_padded", try aligned.integer("mamba_page_size_padded"), state?.bytes ?? 0)
  }

  private func compareGroups(
    _ groups: [KVLayerGroup], _ pool: KVCapacity, modelLength: Int, _ check: Check<String>
  ) throws {
    let expected = try record.record("result").records("groups")
    try check("groups", "\(expected.count)", "\(groups.count)")
    for (index, (expected, group)) in zip(expected, groups).enumerated() {
      try expected.requireOnly(
        [
          "kind", "uniform_type", "layers", "block_size", "page_bytes_sum",
          "blocks_per_max_len_request", "draft",
        ], in: "groups")
      func compare(_ field: String, _ expected: String, _ got: String) throws {
        try check("group \(index) \(field)", expected, got)
      }
      let members = group.caches.map { kinds[caches[$0]] }
      try compare(
        "kind", try expected.string("kind"),
        members[0].groupName(keepsAll: group.keeps == .all))
      try compare(
        "uniform_type", "\(try expected.boolean("uniform_type"))", "\(group.isUniformType)")
      try compare("layers", "\(try expected.integers("layers"))", "\(group.caches)")
      try compare("block_size", "\(try expected.integer("block_size"))", "\(group.blockTokens)")
      try compare("page_bytes_sum", "\(try expected.integer("page_bytes_sum"))", "\(group.bytes)")
      try compare(
        "blocks_per_max_len_request", "\(try expected.integer("blocks_per_max_len_request"))",
        "\(group.group.blocksReserved(forTokens: modelLength, inFlight: pool.inFlight))")
      try compare(
        "draft", "\(try expected.boolean("draft"))", "\(members.contains(where: \.isDraft))")
    }
  }
}
