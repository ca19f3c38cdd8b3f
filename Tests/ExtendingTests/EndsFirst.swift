import KVMemory

extension EvictionPolicy {
  static let endsFirst = EvictionPolicy(
    name: "ends-first", summary: "the block farthest from the beginning of its sequence"
  ) { -Int64($0.place) }
}
