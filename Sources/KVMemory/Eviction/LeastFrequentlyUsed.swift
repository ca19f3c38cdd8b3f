extension EvictionPolicy {
  /// - Source: `lfu` of SGLang's `--radix-eviction-policy`, block by block where its tree counts hits of nodes.
  public static let lfu = EvictionPolicy(
    name: "lfu", summary: "the block that was hit least often, of those the one given up first"
  ) { Int64($0.hits) }
}
