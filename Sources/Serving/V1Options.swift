import KVMemory

/// A release of vLLM whose V1 scheduler is known step for step.
package enum V1Release: String, CaseIterable, Sendable {
  case v010 = "0.10"
  case v033 = "0.33"
}

/// What `vllm-v1` can do beside the settings that every engine has; the defaults are those of vLLM
/// 0.33.
package struct V1Options: Equatable, Sendable {
  /// Keep full blocks findable by what they hold, and start requests behind what is found
  /// (`--enable-prefix-caching`). On in vLLM V1.
  package var prefixCaching = true
  /// Let an iteration compute a part of a prompt (`--enable-chunked-prefill`). On in vLLM V1.
  /// Without it a prompt that exceeds what is left of the token budget waits, and everything behind
  /// it.
  package var chunkedPrefill = true
  /// Most tokens of one request in an iteration while other requests are in the system, 0 for no
  /// limit (`--long-prefill-token-threshold`). 0 in vLLM V1.
  package var longPrefillTokenThreshold = 0
  /// Share of the pool that stays free when a request is admitted beside running ones. 0 in vLLM
  /// 0.33; 0.10 has no watermark.
  package var watermarkFraction = 0.0
  /// Admit a request only if all its tokens fit, although only the first chunk takes blocks. On in
  /// vLLM 0.33; 0.10 asks for the first chunk only, and preempts more.
  package var reserveFullISL = true
  /// Who is served first, and who makes way (`--scheduling-policy`). First come, first served in
  /// vLLM V1.
  package var policy = SchedulingPolicy.firstComeFirstServed
  /// Where given-up blocks queue. `unhashedFirst` in vLLM 0.33, `allAtTail` in 0.10.
  package var freeQueueRule = FreeQueueRule.unhashedFirst

  package init() {}

  /// The options with which a release schedules unless it is told otherwise.
  package init(_ release: V1Release) {
    switch release {
    case .v010:
      reserveFullISL = false
      freeQueueRule = .allAtTail
    case .v033: break
    }
  }

  /// Blocks of the watermark in a pool of `deviceBlocks`, rounded down.
  package func watermarkBlocks(of deviceBlocks: Int) -> Int {
    Int(watermarkFraction * Double(deviceBlocks))
  }
}

/// In which order waiting requests are admitted, and which running one is preempted.
package enum SchedulingPolicy: String, CaseIterable, Sendable {
  /// By arrival; the one that runs for the shortest time makes way and comes back first.
  case firstComeFirstServed = "fcfs"
  /// By priority, lower first, then by arrival; the last in this order makes way.
  case priority
}
