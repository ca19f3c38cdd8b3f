import Serving

extension VictimPolicy {
  static let mostBlocks = VictimPolicy(
    name: "most-blocks", summary: "the sequence that holds the most blocks"
  ) { running in
    running.indices.max { running[$0].blocks < running[$1].blocks } ?? 0
  }
}
