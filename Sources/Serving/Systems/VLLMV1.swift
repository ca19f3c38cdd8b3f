import CostModel
import KVMemory
import Workload

extension ServingSystem {
  /// vLLM's V1 engine; of 0.6 and 0.7, which served with the engine before it, the memory only.
  package static let vllmV1 = ServingSystem(
    name: "vllm-v1",
    summary:
      "paged KV with a prefix cache; token budget, chunked prefill, running first, recompute",
    releases: (6...33).map { "0.\($0)" }, countsPatches: true,
    capabilities: Capabilities(
      isPaged: true, cutsPrompts: true, limitsLongPrompts: true, hasPrefixCache: true,
      choosesEvictions: true, choosesVictims: true, ordersService: true,
      decidesAheadFrom: .stopsAhead,
      sequences: .samples, offloads: true, hasRanks: true, speculates: true, handsOff: true,
      tellsCache: true, choosesKernels: true,
      measuresMemory: true, serveCommand: "vllm serve"),
    measuredAs: "vllm",
    defaults: { .vllm($0) },
    memory: { choices in
      var memory = VLLMMemory(
        release: .of(choices.release), sequences: choices.sequences,
        modelLength: choices.modelLength)
      memory.recordsGraphs = choices.recordsGraphs
      memory.graphTokensMax = choices.graphTokensMax
      return .vllm(memory)
    },
    groups: { KVGroupRules(vllm: VLLMRelease.of($0).minor) },
    overheads: { .of(.of($0)) },
    configure: { choices, settings in
      settings.v1 = V1Options(.of(choices.release))
      settings.v1.prefixCaching = choices.prefixCaching
      settings.v1.chunkedPrefill = choices.chunkedPrefill
      settings.v1.longPrefillTokenThreshold = choices.longPrefillTokenThreshold
      settings.v1.isAsynchronous = choices.decidesAhead
      settings.v1.victims = choices.victims
      settings.v1.eviction = choices.eviction ?? .lru
      settings.v1.groups = choices.groups
      settings.v1.offloading = choices.offloading
      settings.v1.speculation = choices.speculation
      settings.v1.cascades = choices.cascades
      settings.v1.policy = choices.service?.waiting ?? .firstComeFirstServed
      settings.v1.service = choices.service
      settings.v1.targets = choices.targets
    },
    make: { inputs in
      let settings = inputs.settings
      let groups = settings.v1.groups(blockSize: settings.blockSize, upTo: settings.maxModelLength)
      func replica<Memory: TokenBudgetMemory>(_ memory: @escaping () -> Memory) -> any Replica {
        inputs.ranks(.leastScore) { settings in
          TokenBudgetScheduler(
            memory: memory(), requests: inputs.requests, settings: settings,
            contents: inputs.run.contents, traits: settings.v1.traits(inputs.requests),
            connector: RemoteKVConnector(inputs.run.role, inputs.requests)
              ?? settings.v1.offloading.map { OffloadingConnector($0.options, groups: groups) },
            worker: settings.v1.offloading.map {
              HostLinkWorker(
                $0.link, disk: $0.disk, restoring: $0.restoring, prices: $0.prices,
                copiesInStep: $0.options.copiesInStep)
            },
            decodesRests: inputs.run.role == .decode, service: inputs.promptService)
        }
      }
      // Only the memory of several groups gives the last block of a hit back.
      let isPlain =
        groups == [BlockGroup(keeps: .all, blockTokens: settings.blockSize)]
        && settings.v1.speculation?.caching.dropsLastHit != true
      return isPlain
        ? replica { PrefixCachingMemory(settings) }
        : replica { HybridMemory(settings, groups: groups) }
    })
}

extension EngineSettings {
  /// What only `vllm-v1` looks at.
  package var v1: V1Options {
    get { self[V1Options.self] }
    set { self[V1Options.self] = newValue }
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
  /// The policy, where its prompts in progress can be overtaken; `nil` for ``policy`` alone.
  package var service: ServicePolicy?
  /// What it serves requests by, if it asks for that (`--class`).
  package var targets: ServiceTargets?
  /// Who makes way (`--preemption-policy`); `nil` for who is served last by `policy`, as vLLM V1 does.
  package var victims: VictimPolicy?
  /// Where given-up blocks queue. `unhashedFirst` in vLLM 0.33, `allAtTail` in 0.10.
  package var freeQueueRule = FreeQueueRule.unhashedFirst
  /// Whether an iteration is decided before the output of the one before it is known (`--async-scheduling`). vLLM does so by
  /// default from 0.14 on. Ours does not: what its fitted prices hold was measured on servers that do, and hides the host's
  /// time already, while the order of iterations costs the simulator the look at every request.
  package var isAsynchronous = false
  /// Whether memory for windows and chunks counts the tokens of all iterations in flight, and what lies behind a window is
  /// given back once it is computed: before 0.26 vLLM counted those of one, and gave back what was scheduled.
  package var countsInFlight = true
  /// How tokens are drafted; `nil` if none are.
  package var speculation: Speculation?
  /// Whether attention may read once what all running sequences begin with (`--no-disable-cascade-attn`); nobody cruises then.
  package var cascades = false
  /// Most LoRA adapters among the requests of an iteration (`--max-loras`); `nil` for no limit.
  package var adaptersMax: Int?
  /// What the groups of the model's layers keep of a sequence; none for every token in all layers.
  package var groups: [BlockGroup] = []
  /// Which blocks of groups that keep a part get keys (`prefix_cache_retention_interval`): in 0.33 those that a resend of
  /// the prompt or a known shared beginning needs; all before 0.29.
  package var retention = HybridMemory.Retention.boundaries
  /// A tier behind the prefix cache (`--kv-offloading-size`); `nil` for none.
  package var offloading: OffloadingSettings?
  /// Which cached block is taken first (`--eviction-policy`).
  package var eviction = EvictionPolicy.lru

  package var victimPolicy: VictimPolicy {
    victims ?? (service?.prompts != nil ? .lastInOrder : policy == .priority ? .servedLast : .last)
  }

  package init() {}

  /// The groups of sequences of at most `length` tokens: a single one that skips none by then keeps every token.
  func groups(blockSize: Int, upTo length: Int) -> [BlockGroup] {
    let isWhole = groups.count == 1 && groups[0].keeps.skipped(length).isEmpty
    return groups.isEmpty || isWhole
      ? [BlockGroup(keeps: .all, blockTokens: groups.first?.blockTokens ?? blockSize)] : groups
  }

  /// What the scheduler is told of the requests.
  fileprivate func traits(_ requests: RunRequests) -> RequestTraits {
    var traits = RequestTraits()
    if service == .priority {
      traits.order = ServiceOrder(priorities: requests.requests.map { Int32($0.priority) })
    }
    return traits
  }

  /// Iterations whose tokens memory has to count together.
  var iterationsInFlight: Int { isAsynchronous && countsInFlight ? 2 : 1 }

  /// Blocks of the watermark in a pool of `deviceBlocks`, rounded down.
  package func watermarkBlocks(of deviceBlocks: Int) -> Int {
    Int(watermarkFraction * Double(deviceBlocks))
  }
}
