import CostModel
import Fleet
import KVMemory
import Messages
import Serving
import Workload

extension Deployment {
  /// Whether some replicas compute prompts for others that decode.
  package var handsOff: Bool { groups.contains { $0.role != .both } }

  /// Where the replicas of a deployment compute prompts for others, that these can decode, and what they read them over.
  ///
  /// - Throws: ``UserError`` for roles, settings and links that do not fit together.
  func checkRoles() throws {
    guard handsOff else {
      guard localPrefillMax == nil else {
        throw UserError(
          "`--max-local-prefill-length` is of replicas that decode for others, and there are none",
          hint: "give `--replica role=prefill` and `--replica role=decode`, or leave it out")
      }
      guard link == nil else {
        throw UserError(
          "`--kv-transfer-bandwidth` is of replicas that read the keys and values of others, and there are none",
          hint: "give `--replica role=prefill` and `--replica role=decode`, or leave it out")
      }
      return
    }
    let roles = groups.map(\.role)
    guard !roles.contains(.both) else {
      throw UserError(
        "replicas that prefill and decode stand beside replicas that do one of them",
        hint: "give each `--replica` `role=prefill` or `role=decode`")
    }
    for role in [ReplicaRole.prefill, .decode] where !roles.contains(role) {
      throw UserError(
        "no replica has the role `\(role.rawValue)`: no request would be served to its end",
        hint: "add `--replica role=\(role.rawValue)`")
    }
    guard link != nil else {
      throw UserError(
        "`--kv-transfer-bandwidth` is missing: replicas that decode read keys and values of others",
        hint:
          "give GB/s into and out of a replica, such as `--kv-transfer-bandwidth 50` for 400 Gbit/s"
      )
    }
    for group in groups { try group.scenario.checkHandsOff() }
    try requireOne("block sizes", "--block-size") { "\($0.blockSize)" }
    try requireOne("types of keys and values", "--kv-cache-dtype") { $0.kvCache.cacheName }
  }

  /// What differs between the replicas is not converted when keys and values are read.
  private func requireOne(_ what: String, _ flag: String, _ value: (Scenario) -> String) throws {
    var values: [String] = []
    for text in groups.map({ value($0.scenario) }) where !values.contains(text) {
      values.append(text)
    }
    guard values.count > 1 else { return }
    throw UserError(
      "the replicas have the \(what) \(values.joined(separator: " and ")), and none reads the other's",
      hint: "give all the same `\(flag)`")
  }
}

extension Scenario {
  fileprivate func checkHandsOff() throws {
    guard system.capabilities.handsOff else {
      let able = ServingSystem.all.filter(\.capabilities.handsOff).map { "`\($0.name)`" }
      throw UserError(
        "`\(system.name)` is not simulated with prefill and decode apart",
        hint: "\(able.joined(separator: " and ")) is: give `--system \(ServingSystem.today.name)`")
    }
    guard kvOffloadingGiB == nil else {
      throw UserError(
        "`--kv-offloading-size` and `role=` ask for two connectors of one engine",
        hint: "leave one of them out")
    }
    let others = [
      ("--speculative-config", speculativeConfig != nil),
      ("--scheduling-policy", (service ?? .arrival) != .arrival),
      ("--no-disable-cascade-attn", cascades),
    ]
    if let other = others.first(where: \.1)?.0 {
      throw UserError(
        "`\(other)` and `role=` are not simulated together", hint: "leave one of them out")
    }
    guard warmups == 0 else {
      throw UserError(
        "replicas of different roles are not warmed up",
        hint: "leave out `--num-warmups`, and measure from `--from-second` on")
    }
  }
}

extension Trace {
  /// - Throws: ``UserError`` for the first request with several sequences, which nothing hands over.
  func requireHandOffs() throws {
    guard let index = requests.firstIndex(where: { $0.sequenceCount > 1 || $0.beamWidth > 0 })
    else { return }
    throw UserError(
      "`\(name)`: request \(index + 1) has \(requests[index].sequenceCount) sequences, and replicas with a `role=` "
        + "hand over requests of one",
      hint: "leave `n` and `beam_width` out of the trace")
  }
}

extension ResolvedScenario {
  /// Bytes that a replica reads of another for `tokens` tokens of a prompt, behind `behind` that it has: whole blocks of
  /// what each layer keeps, each head once, however the GPUs of both share them.
  func kvBytes(_ tokens: Int, behind: Int) -> Int {
    let cache = KVCacheSpec(
      scenario.model, tensorParallel: 1, elements: scenario.kvCache,
      blockTokens: scenario.blockSize)
    return cache.groups.reduce(0) { bytes, group in
      if group.keeps.isState { return bytes + group.blockBytes }
      let read = (tokens + group.blockTokens - 1) / group.blockTokens
      return bytes + min(read, group.blocks(forTokens: behind + tokens)) * group.blockBytes
    }
  }
}
