import CostModel
import Fleet
import Metrics
import Serving
import SimulationKernel

extension PreparedDeployment {
  /// The settings that results record, those of every kind of replica.
  ///
  /// Where there are several kinds, they are named first, and a setting in which they differ has a value for each, in
  /// their order; `–` stands for a setting that a kind does not have.
  ///
  ///     replica        2 × vllm-v1 on l40s; 1 × vllm-v1 on h100-sxm
  ///     max-num-seqs   64; 256
  var fields: [ScenarioField] {
    let kinds = resolved.map(\.fields)
    guard kinds.count > 1 else { return kinds[0] }
    let replicas = deployment.groups.map {
      "\($0.count) × \($0.scenario.system.name) on \($0.scenario.device.name)\($0.roleText)"
    }
    var names: [String] = []
    for name in kinds.joined().map(\.name) where !names.contains(name) { names.append(name) }
    let link = deployment.link.map { link in
      [
        ScenarioField("kv-transfer-bandwidth", "\(link.bandwidth / 1e9)"),
        ScenarioField("kv-transfer-latency", "\(link.latency.seconds * 1e3)"),
      ]
    }
    let local = deployment.localPrefillMax.map {
      [ScenarioField("max-local-prefill-length", "\($0)")]
    }
    let handOffs = (link ?? []) + (local ?? [])
    return [ScenarioField("replica", replicas.joined(separator: "; "))] + handOffs
      + names.map { name in
        let values = kinds.map { fields in fields.first { $0.name == name }?.value ?? "–" }
        let isOne = values.allSatisfy { $0 == values[0] }
        return ScenarioField(name, isOne ? values[0] : values.joined(separator: "; "))
      }
  }
}
