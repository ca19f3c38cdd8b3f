import Planning
import Results

/// Order of service by deadlines: QoServe's tables of late requests beside ours.
package enum SLOReport {
  static let figure = "slo"
  /// Points of a hundred within which a share of late requests counts as reproduced: half of it, but 5 to 15. Our choice:
  /// shares of an overloaded engine move by as much with a few per cent of load.
  private static func points(_ paper: Double) -> Double { min(15, max(5, paper / 2)) }

  /// - Parameter seed: Of arrivals, lengths and classes.
  package static func report(seed: UInt64) throws -> FigureReport {
    let (claims, tried) = try sustained(seed)
    let others = try Parallel.map([overload, phases, mixes, silos, EcoServeRates.claims]) {
      try $0(seed)
    }
    return FigureReport(
      name: figure, title: "Order of service by deadlines",
      claims: claims + others.flatMap { $0 }, data: tried, figure: nil, remarks: remarks)
  }

  private static let steps: [ClassService] = [.edf, .chunks, .relegation, .qoserve]

  // MARK: One replica

  /// The highest rates, and what was late at those that were tried.
  private static func sustained(_ seed: UInt64) throws -> ([Claim], DataTable) {
    let services = [.fcfs] + steps + [.slosServe]
    let found = try Parallel.map(services) { try ClassLoad.sustained(by: $0, seed: seed) }
    let last = found[steps.count].rate
    var tried = DataTable(
      ["service", "requests_per_second", "late_percent"]
        + ClassLoad.names.map { "late_\($0.lowercased())_percent" })
    for (service, found) in zip(services, found) {
      tried.rows += found.tried.sorted { $0.rate < $1.rate }.map { rate, lateness in
        [service.name, Digits.fixed(rate, decimals: 4)]
          + ([lateness.late] + lateness.byClass).map(Claim.text)
      }
    }
    let claims =
      [
        Claim(
          figure, "highest rate with 1 % late, QoServe by FCFS, x", .span(1.5...2.4),
          ours: last / found[0].rate),
        Claim(
          figure, "highest rate with 1 % late, QoServe by EDF, x", .span(1.2...1.4),
          ours: last / found[1].rate),
      ]
      + zip(zip(steps, found.dropFirst()), [2.75, 3.3, 3.6, 3.65]).map { step, paper in
        Claim(
          figure, "highest rate with 1 % late, \(step.0.name), req/s", Claim.relative(paper, 0.1),
          ours: step.1.rate)
      }
      + [
        Claim(
          figure, "highest rate with 1 % late, SLOs-Serve, req/s", .nothing,
          ours: found[steps.count + 1].rate, note: otherLoad)
      ]
    return (claims, tried)
  }

  private static func overload(_ seed: UInt64) throws -> [Claim] {
    let late = try Parallel.map(steps + [.slosServe]) {
      try ClassLoad.steady(6, seed: seed).served(by: $0).late
    }
    return zip(zip(steps, late), [100.0, 74, 26, 16]).map { step, paper in
      share("6 req/s, \(step.0.name): late", paper, step.1)
    } + [
      Claim(
        figure, "6 req/s, SLOs-Serve: late, %", .nothing, ours: late[steps.count], note: otherLoad)
    ]
  }

  private static let otherLoad =
    "its paper has other models, lengths and targets (2.2 times the rate of its baselines in the mean); here for comparison with "
    + "the rows above"

  /// Fifteen minutes of two a second, fifteen of five, for four hours.
  private static func phases(_ seed: UInt64) throws -> [Claim] {
    let phases = (0..<16).map {
      ClassLoad.Phase(rate: $0.isMultiple(of: 2) ? 2 : 5, seconds: 900)
    }
    let load = ClassLoad(phases: phases, lowPriority: 0.2, seed: seed)
    let published: [(ClassService, all: Double, byClass: [Double])] = [
      (.fcfs, 81.9, [97, 89, 60]), (.edf, 84.1, [79, 83, 90]), (.qoserve, 8.64, [16, 10, 0]),
    ]
    let late = try Parallel.map(published) { row in
      try load.served(by: row.0)
    }
    let important = share(
      "2 and 5 req/s in turn, QoServe: late of those that matter", 0, late[2].important)
    return zip(published, late).flatMap { row, late in
      let name = "2 and 5 req/s in turn, \(row.0.name)"
      return [share("\(name): late", row.all, late.late)]
        + ClassLoad.names.indices.map { index in
          share(
            "\(name): late of \(ClassLoad.names[index])", row.byClass[index], late.byClass[index])
        }
    } + [important]
  }

  private static func mixes(_ seed: UInt64) throws -> [Claim] {
    let shares = [[0.7, 0.15, 0.15], [0.15, 0.15, 0.7]]
    let published: [(ClassService, late: [Double])] = [
      (.fcfs, [100, 100]), (.edf, [98, 82.8]), (.qoserve, [5, 0.5]),
    ]
    return try published.flatMap { row in
      try zip(shares, row.late).map { shares, paper in
        let load = ClassLoad.steady(4.5, shares: shares, seed: seed)
        let mix = shares.map { Claim.text($0 * 100) }.joined(separator: "-")
        return share(
          "4.5 req/s, \(mix), \(row.0.name): late", paper, try load.served(by: row.0).late)
      }
    }
  }

  // MARK: Many replicas

  /// 35 requests a second on replicas for one class each, and on ten for all.
  private static func silos(_ seed: UInt64) throws -> [Claim] {
    let shared = try ClassLoad.steady(3.5, requests: siloRequests / 10, seed: seed)
      .served(by: .qoserve).late
    let counts = 2...6
    let late = try Parallel.map(
      ClassLoad.names.indices.flatMap { index in counts.map { (index, $0) } }
    ) { try silo(of: $0, gpus: $1, seed: seed) }
    func best(_ total: Int, _ paper: Double) -> Claim {
      let splits = counts.flatMap { a in
        counts.compactMap { b in counts.contains(total - a - b) ? [a, b, total - a - b] : nil }
      }
      let found = splits.map { split in
        let shares = split.enumerated().map { late[$0 * counts.count + $1 - counts.lowerBound] }
        return (split: split, late: shares.reduce(0, +))
      }.min { $0.late < $1.late }
      let gpus = (found?.split ?? []).map(String.init).joined(separator: ", ")
      return share(
        "35 req/s, \(total) GPUs in silos: late", paper, found?.late ?? 0,
        note: "\(gpus) GPUs for the classes, by which the fewest are late; theirs are not recorded")
    }
    return [
      best(13, 0.24), best(10, 60.4),
      share(
        "35 req/s, 10 GPUs of QoServe: late", 0, shared,
        note: "one of them at a tenth of the rate"),
    ]
  }

  private static let siloRequests = 360_000

  /// Per cent of late requests, in the mean over the classes, where one class has so many GPUs of its own and the others have
  /// none late: one of the GPUs, with its share.
  private static func silo(of index: Int, gpus: Int, seed: UInt64) throws -> Double {
    let load = ClassLoad.steady(
      35.0 / 3 / Double(gpus), requests: siloRequests / 3 / gpus,
      shares: ClassLoad.names.indices.map { $0 == index ? 1 : 0 }, seed: seed)
    return try load.served(by: index == 0 ? .fcfs : .batch).late
  }

  private static func share(
    _ quantity: String, _ paper: Double, _ ours: Double, note: String = ""
  ) -> Claim {
    Claim(figure, "\(quantity), %", .value(paper, within: points(paper)), ours: ours, note: note)
  }

  private static let remarks = [
    "QoServe, first called Niyama (Goel et al., ASPLOS 2026), from a summary of its text and from its published scheduler and "
      + "scripts (microsoft/sarathi-serve at 72339db). Llama-3-8B on an A100 of 80 GB, priced by the authors' own fit of their "
      + "engine, so that what differs is order of service; blocks are taken and lost as in vLLM V1, where theirs hold a whole "
      + "prompt's memory.",
    "As in the scripts: iterations of fixed size have 256 tokens; a highest rate is that of 39,000 requests with at most 1 % of "
      + "each class late, overload is 75,000 requests; late is a first token of Q1 behind 6 s, or a last one behind 600 s and "
      + "1,800 s; a share over all is the mean of the classes'; batches decode at 0.4 s a token, and 15 tokens of theirs are "
      + "left time for. Lengths are log-normal through the medians and 90th percentiles that the summary gives of code traffic "
      + "(1,930 and 6,251 in, 8 and 43 out), for every row; the scripts name that traffic for the highest rates.",
    "A fifth of the requests are of low priority in the changing load. The summary says that they are put back first, the scripts "
      + "have no such load: here all others go before them, and of them those that can be in time go first. By "
      + "deadline alone, so that the hopeless go first, 17 % were late in place of 8.6.",
    "SLOs-Serve is our reconstruction: of its planner the notes have no recurrence, so that who is denied follows from the budget "
      + "of tokens alone (Moore and Hodgson's rule), and memory is not planned.",
    "EcoServe stands alone, on the same prices: a router of ours cannot let a request wait. Its rules are from a summary of its text, "
      + "which has no targets for its rates; groups that split and merge are not repeated. CacheOPT's summary has its parameters and not how predicted outputs share an allocation; the intelligent router's "
      + "heuristics are not here.",
  ]
}
