import KVMemory

/// What all running sequences begin with, which attention may read once for all of them (`--no-disable-cascade-attn`).
///
///     a   |█ █ █ █|─ ─ ─|        █ blocks with as many references as sequences run
///     b   |█ █ █ █|─ ─|          cut at the fewest tokens that one of the iteration has computed: those that
///     c   |█ █ █ █|─ ─ ─ ─|      it computes now attend to each other
///
/// - Source: `get_num_common_prefix_blocks` of vLLM V1's KV cache manager, and `_compute_cascade_attn_prefix_len` of its
///   model runner.
extension TokenBudgetScheduler {
  mutating func sharedPrefixTokens() -> Int {
    guard options.prefixCaching, let first = running.first else { return 0 }
    var computed = Int32.max
    for share in budget.shares {
      computed = min(computed, sequences[Int(share.sequence)].computedTokens)
    }
    guard computed >= memory.blockSize, !budget.shares.isEmpty else { return 0 }
    let holders = running.count
    var shared = 0
    for block in memory.blocks(of: Int(first)) {
      guard memory.pool.referenceCount(of: block) == holders else { break }
      shared += 1
    }
    return min(shared, Int(computed) / memory.blockSize) * memory.blockSize
  }
}
