import CostModel
import KVMemory

extension ServingSystem {
  /// vLLM's V1 engine.
  ///
  /// - Source: vLLM's `get_batch_defaults` in its `arg_utils.py`: its server takes 256 sequences and 2,048
  ///   tokens on A100s and devices below 70 GiB, 1,024 and 8,192 on larger ones. Here it is the former on
  ///   every device.
  package static let vllmV1 = ServingSystem(
    name: "vllm-v1",
    summary:
      "paged KV with a prefix cache; token budget, chunked prefill, running first, recompute",
    releases: V1Release.allCases.map(\.rawValue),
    capabilities: Capabilities(
      isPaged: true, cutsPrompts: true, limitsLongPrompts: true, hasPrefixCache: true,
      choosesVictims: true, sequences: .samples,
      serveCommand: "vllm serve"),
    defaults: { _ in
      Defaults(
        maxSequences: 256, maxBatchedTokens: 2048, gpuMemoryUtilization: 0.90,
        prefixCaching: V1Options().prefixCaching, chunkedPrefill: V1Options().chunkedPrefill,
        longPrefillTokenThreshold: V1Options().longPrefillTokenThreshold)
    },
    memory: { release, sequences in
      .vllmV1(countsGraphs: release == V1Release.v033.rawValue, sequences: sequences)
    },
    groups: { KVGroupRules(vllm: ($0.flatMap(V1Release.init) ?? .v033).minor) },
    // The two releases of the scheduler stand for the measured ones nearest to them.
    overheads: { $0 == V1Release.v010.rawValue ? .vllm011 : .vllm019 },
    configure: { choices, settings in
      settings.v1 = V1Options(choices.release.flatMap(V1Release.init) ?? .v033)
      settings.v1.prefixCaching = choices.prefixCaching
      settings.v1.chunkedPrefill = choices.chunkedPrefill
      settings.v1.longPrefillTokenThreshold = choices.longPrefillTokenThreshold
      settings.v1.victims = choices.victims
      settings.v1.eviction = choices.eviction ?? .lru
      settings.v1.groups = choices.groups
    },
    make: { inputs in
      let settings = inputs.settings
      let groups = settings.v1.groups(blockSize: settings.blockSize, upTo: settings.maxModelLength)
      func replica<Memory: TokenBudgetMemory>(_ memory: Memory) -> any Replica {
        inputs.replica(
          TokenBudgetScheduler(
            memory: memory, requests: inputs.requests, settings: settings,
            contents: inputs.run.contents))
      }
      return groups == [BlockGroup(keeps: .all, blockTokens: settings.blockSize)]
        ? replica(PrefixCachingMemory(settings)) : replica(HybridMemory(settings, groups: groups))
    })
}

extension EngineSettings {
  /// What only `vllm-v1` looks at.
  package var v1: V1Options {
    get { self[V1Options.self] }
    set { self[V1Options.self] = newValue }
  }
}

/// A release of vLLM whose V1 scheduler is known step for step.
package enum V1Release: String, CaseIterable, Sendable {
  case v010 = "0.10"
  case v033 = "0.33"

  /// The number behind `0.`.
  var minor: Int {
    guard let minor = rawValue.split(separator: ".").dropFirst().first.flatMap({ Int($0) }) else {
      preconditionFailure("V1Release: `\(rawValue)` is no release")
    }
    return minor
  }
}

/// What `vllm-v1` can do beside the settings that every engine has; the defaults are those of vLLM
/// 0.33.
package struct V1Options: SystemOptions {
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
  /// Who is served first (`--scheduling-policy`). First come, first served in vLLM V1.
  package var policy = SchedulingPolicy.firstComeFirstServed
  /// Who makes way (`--preemption-policy`); `nil` for who is served last by `policy`, as vLLM V1 does.
  package var victims: VictimPolicy?
  /// Where given-up blocks queue. `unhashedFirst` in vLLM 0.33, `allAtTail` in 0.10.
  package var freeQueueRule = FreeQueueRule.unhashedFirst
  /// What the groups of the model's layers keep of a sequence; none for every token in all layers.
  package var groups: [BlockGroup] = []
  /// Which blocks of groups that keep a part get keys (`prefix_cache_retention_interval`): in 0.33 those that a resend of
  /// the prompt or a known shared beginning needs; all before 0.29.
  package var retention = HybridMemory.Retention.boundaries
  /// Which cached block is taken first (`--eviction-policy`).
  package var eviction = EvictionPolicy.lru

  package var victimPolicy: VictimPolicy {
    victims ?? (policy == .priority ? .servedLast : .last)
  }

  package init() {}

  /// The options with which a release schedules unless it is told otherwise.
  package init(_ release: V1Release) {
    switch release {
    case .v010:
      reserveFullISL = false
      retention = .dense
      freeQueueRule = .allAtTail
    case .v033: break
    }
  }

  /// The groups of sequences of at most `length` tokens: a single one that skips none by then keeps every token.
  func groups(blockSize: Int, upTo length: Int) -> [BlockGroup] {
    let isWhole = groups.count == 1 && groups[0].keeps.skipped(length).isEmpty
    return groups.isEmpty || isWhole
      ? [BlockGroup(keeps: .all, blockTokens: groups.first?.blockTokens ?? blockSize)] : groups
  }

  /// Blocks of the watermark in a pool of `deviceBlocks`, rounded down.
  package func watermarkBlocks(of deviceBlocks: Int) -> Int {
    Int(watermarkFraction * Double(deviceBlocks))
  }
}

/// In which order waiting requests are admitted, and which running one is preempted unless a
/// ``VictimPolicy`` says otherwise.
package enum SchedulingPolicy: String, CaseIterable, Sendable {
  /// By arrival; the one that runs for the shortest time makes way and comes back first.
  case firstComeFirstServed = "fcfs"
  /// By priority, lower first, then by arrival; the last in this order makes way.
  case priority
}
