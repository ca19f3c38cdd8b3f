import Metrics

/// The summaries as text for standard output and `summary.csv`.
package enum SummaryText {
  /// One run as an indented JSON object with a newline at its end: the columns of
  /// ``SummaryColumn`` in their order, those of the KV pool and the provenance nested.
  package static func json(_ summary: RunSummary) -> String {
    object(summary, withReplicas: true).indented + "\n"
  }

  /// Several runs, or none, as an indented JSON array of the objects of ``json(_:)-(RunSummary)``.
  package static func json(_ summaries: [RunSummary]) -> String {
    JSONValue.array(summaries.map { object($0, withReplicas: true) }).indented + "\n"
  }

  /// A header and one row a run, with LF lines and quotes where RFC 4180 needs them.
  ///
  /// An absent value is an empty field; the scenario is a JSON object in one field.
  package static func csv(_ summaries: [RunSummary]) -> String {
    csv(
      SummaryColumn.all.map(\.key),
      summaries.map { summary in SummaryColumn.all.map { $0.value(summary) } })
  }

  /// `replicas.csv`: a header and one row a replica of each run that is a fleet, the run's number first.
  package static func replicasCSV(_ summaries: [RunSummary]) -> String {
    csv(
      ["run"] + ReplicaColumn.all.map(\.key),
      summaries.enumerated().flatMap { position, summary in
        summary.replicas.map { replica in
          [.integer(position + 1)] + ReplicaColumn.all.map { $0.value(replica) }
        }
      })
  }

  /// `tiers.csv`: a header and one row a tier, the run's number first.
  package static func tiersCSV(_ summaries: [RunSummary]) -> String {
    csv(
      ["run"] + TierColumn.all.map(\.key),
      summaries.enumerated().flatMap { position, summary in
        summary.tiers.map { tier in
          [.integer(position + 1)] + TierColumn.all.map { $0.value(tier) }
        }
      })
  }

  /// `failures.csv`: a header and one row a replica of each run whose replicas can fail, the run's number first.
  package static func failuresCSV(_ summaries: [RunSummary]) -> String {
    csv(
      ["run", "replica"] + FailureColumn.all.map(\.key),
      summaries.enumerated().flatMap { position, summary in
        summary.failures.enumerated().map { replica, failures in
          [.integer(position + 1), .integer(replica)]
            + FailureColumn.all.map { $0.value(failures) }
        }
      })
  }

  private static func csv(_ header: [String], _ rows: [[JSONValue]]) -> String {
    var buffer = ByteBuffer()
    buffer.append(header.joined(separator: ",") + "\n")
    for row in rows {
      for (position, field) in row.enumerated() {
        if position > 0 { buffer.append(",") }
        buffer.append(csvField: field)
      }
      buffer.append("\n")
    }
    return buffer.text
  }

  /// The JSON object of one run.
  ///
  /// - Parameter withReplicas: Whether it lists the replicas of a fleet; plans, which hold many runs, do without.
  package static func object(_ summary: RunSummary, withReplicas: Bool = false) -> JSONValue {
    func members(_ group: SummaryColumn.Group) -> [JSONValue.Member] {
      SummaryColumn.all.filter { $0.group == group }.map { .init($0.key, $0.value(summary)) }
    }
    return .object(
      members(.run) + speculation(summary) + attainment(summary) + classes(summary)
        + handOffs(summary)
        + (withReplicas ? replicas(summary) + failures(summary) : []) + tiers(summary) + [
          .init("kv", .object(members(.kv))),
          .init(
            "provenance",
            .object(
              members(.provenance)
                + (summary.provenance.servedError.map {
                  [.init("served_error", ServedErrorText.json($0, summary))]
                } ?? [])
                + (summary.provenance.recipe.map {
                  [.init("run", RecipeText.json($0, version: summary.provenance.version))]
                } ?? []))),
        ])
  }
}

extension SummaryText {
  /// What came of drafts, under the names of `vllm bench serve` where it has them; nothing without drafts.
  private static func speculation(_ summary: RunSummary) -> [JSONValue.Member] {
    guard let drafts = summary.speculation else { return [] }
    return [
      .init("spec_decode_acceptance_rate", .real(drafts.acceptanceRate * 100)),
      .init("spec_decode_acceptance_length", .real(drafts.acceptanceLength)),
      .init("spec_decode_num_drafts", .integer(drafts.verifications)),
      .init("spec_decode_draft_tokens", .integer(drafts.draftTokens)),
      .init("spec_decode_accepted_tokens", .integer(drafts.acceptedTokens)),
      .init(
        "spec_decode_per_position_acceptance_rates",
        .array(drafts.acceptedAt.map { .real($0) })),
      .init("tokens_per_step", .real(drafts.tokensPerStep)),
    ]
  }

  /// How many requests are served as their targets ask, and how alike classes are served; nothing without either.
  private static func attainment(_ summary: RunSummary) -> [JSONValue.Member] {
    [("attained", summary.attained), ("fairness", summary.fairness)].compactMap { name, value in
      value.map { .init(name, .real($0)) }
    }
  }

  /// The latencies by class of traffic, under the names of the whole run's; nothing without classes.
  private static func classes(_ summary: RunSummary) -> [JSONValue.Member] {
    guard !summary.classes.isEmpty else { return [] }
    let objects = summary.classes.map { of in
      var members: [JSONValue.Member] = [
        .init("class", .text(of.name)), .init("completed", .integer(of.completed)),
        .init("rejected", .integer(of.rejected)),
      ]
      for (name, values) in [("ttft", of.ttft), ("tpot", of.tpot), ("e2el", of.e2el)] {
        let figures = [
          ("mean", values.mean), ("median", values.median), ("p90", values.p90),
          ("p95", values.p95), ("p99", values.p99),
        ]
        members += figures.map { .init("\($0)_\(name)_ms", $1.map { .real($0) } ?? .null) }
      }
      if let attained = of.attained { members.append(.init("attained", .real(attained))) }
      return JSONValue.object(members)
    }
    return [.init("classes", .array(objects))]
  }

  /// Where the time of requests went that were handed from one replica to another; nothing where none were.
  private static func handOffs(_ summary: RunSummary) -> [JSONValue.Member] {
    guard let handOffs = summary.handOffs else { return [] }
    return [
      .init(
        "hand_offs",
        .object(
          [
            .init("requests", .integer(handOffs.requests)),
            .init("kv_bytes", .integer(handOffs.bytes)),
          ] + handOffs.means.map { .init("mean_\($0)_ms", .real($1)) }))
    ]
  }

  /// The tiers behind the prefix cache; nothing without one.
  private static func tiers(_ summary: RunSummary) -> [JSONValue.Member] {
    guard !summary.tiers.isEmpty else { return [] }
    let objects = summary.tiers.map { tier in
      JSONValue.object(TierColumn.all.map { .init($0.key, $0.value(tier)) })
    }
    return [.init("tiers", .array(objects))]
  }

  /// How the replicas failed; nothing where none can.
  private static func failures(_ summary: RunSummary) -> [JSONValue.Member] {
    guard !summary.failures.isEmpty else { return [] }
    let objects = summary.failures.enumerated().map { replica, failures in
      JSONValue.object(
        [.init("replica", .integer(replica))]
          + FailureColumn.all.map { .init($0.key, $0.value(failures)) })
    }
    return [.init("failures", .array(objects))]
  }

  /// The replicas of a fleet; nothing for a single one.
  private static func replicas(_ summary: RunSummary) -> [JSONValue.Member] {
    guard !summary.replicas.isEmpty else { return [] }
    let objects = summary.replicas.map { replica in
      JSONValue.object(ReplicaColumn.all.map { .init($0.key, $0.value(replica)) })
    }
    return [.init("replicas", .array(objects))]
  }
}

extension ByteBuffer {
  mutating func append(csvField value: JSONValue) {
    switch value {
    case .null: break
    case .text(let text): append(csvText: text)
    case .boolean, .integer, .unsigned, .real, .array, .object:
      append(csvText: value.compact)
    }
  }

  /// Appends `text`, in quotes if it holds a comma, a quote or a line end (RFC 4180 §2).
  private mutating func append(csvText text: String) {
    let special: [UInt8] = [0x2C, 0x22, 0x0D, 0x0A]
    guard text.utf8.contains(where: special.contains) else { return append(text) }
    append("\"")
    for byte in text.utf8 {
      if byte == UInt8(ascii: "\"") { append(byte: byte) }
      append(byte: byte)
    }
    append("\"")
  }
}
