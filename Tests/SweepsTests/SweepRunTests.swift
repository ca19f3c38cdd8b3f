import Database
import Foundation
import Messages
import SimulationKernel
import Testing

@testable import Sweeps

/// Running, stopping, sharding and merging: whatever happens, the same bytes come out.
@Suite struct SweepRunTests {
  private static let results = ["runs.csv", "spread.csv", "sweep.sqlite"]

  /// One process that nobody disturbs.
  private static func undisturbed(_ scratch: Scratch) throws -> [Data] {
    let plan = try scratch.plan(output: "whole")
    let outcome = try plan.run()
    #expect(outcome.made == 24 && outcome.isComplete)
    let merged = try plan.merge()
    #expect(merged.runs == 24 && merged.missing == 0 && merged.duplicates == 0)
    return try results.map { try scratch.bytes("whole/\($0)") }
  }

  /// Curves are of the means in `spread_by_rate`, with their intervals.
  @Test func aMergeDrawsCurves() throws {
    let scratch = try Scratch()
    let plan = try scratch.plan()
    try plan.run()
    _ = try plan.merge()
    let folder = URL(filePath: "\(scratch.path)/out/figures")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    let drawings = names.filter { $0.hasSuffix(".svg") }
    #expect(drawings.contains("curve-ttft.svg") && drawings.allSatisfy { $0.hasPrefix("curve-") })
    let drawing = try String(
      contentsOf: folder.appending(path: "curve-ttft.svg"), encoding: .utf8)
    #expect(drawing.contains("class=\"whisker k0\"") && drawing.contains("width=\"3.33in\""))
  }

  @Test func shardsMergeToTheSameBytes() throws {
    let scratch = try Scratch()
    let whole = try Self.undisturbed(scratch)
    let plan = try scratch.plan()
    for index in [2, 0, 1] { try plan.run(Shard(index, of: 3)) }
    let merged = try plan.merge()
    #expect(merged.runs == 24 && merged.duplicates == 0)
    #expect(try Self.results.map { try scratch.bytes("out/\($0)") } == whole)
  }

  /// Results come in batches of 64: after the first, most of 400 runs are still to be made.
  @Test func aStoppedRunGoesOn() throws {
    let scratch = try Scratch()
    let axes = Samples.axes.replacing("seeds: 3", with: "seeds: 50")
    let whole = try scratch.plan(axes, output: "whole")
    try whole.run()
    _ = try whole.merge()
    let plan = try scratch.plan(axes)
    var done = 0
    let first = try SweepRunner(plan, shard: .whole, jobs: 2, checkpointSeconds: 0).run(
      isStopped: { done > 0 }, progress: { done = $0.done })
    #expect(first.made > 0 && !first.isComplete)
    let second = try plan.run()
    #expect(second.found == first.made && second.isComplete)
    #expect(try plan.run().made == 0)
    _ = try plan.merge()
    for name in Self.results + ["shards/shard-000-of-001.sqlite"] {
      #expect(try scratch.bytes("out/\(name)") == scratch.bytes("whole/\(name)"), "\(name)")
    }
  }

  /// A process that was left behind does not undo what another one has published meanwhile.
  @Test func whatAnotherProcessPublishedIsKept() throws {
    let scratch = try Scratch()
    let plan = try scratch.plan(Samples.axes.replacing("seeds: 3", with: "seeds: 50"))
    var done = 0
    let stale = try SweepRunner(plan, shard: .whole, jobs: 1, checkpointSeconds: 0).run(
      isStopped: { done > 0 },
      progress: { progress in
        if done == 0, progress.done > 0 { _ = try? plan.run() }
        done = progress.done
      })
    #expect(stale.made > 0 && !stale.isComplete)
    let status = try SweepStatus(plan, shards: nil)
    #expect(status.isComplete && status.done == 400)
  }

  /// Cut anew, a sweep takes what other cuts have made; what was made twice counts once.
  @Test func shardsOfOtherCutsAreUsed() throws {
    let scratch = try Scratch()
    let whole = try Self.undisturbed(scratch)
    let plan = try scratch.plan()
    try plan.run(Shard(0, of: 3))
    let rest = try plan.run()
    #expect(rest.found > 0 && rest.found + rest.made == 24)
    try FileManager.default.copyItem(
      atPath: "\(scratch.path)/whole/shards/shard-000-of-001.sqlite",
      toPath: "\(scratch.path)/out/shards/shard-000-of-009.sqlite")
    let merged = try plan.merge()
    #expect(merged.runs == 24 && merged.duplicates == 24)
    #expect(try Self.results.map { try scratch.bytes("out/\($0)") } == whole)
  }

  @Test func statusCountsFromFilesAlone() throws {
    let scratch = try Scratch()
    let plan = try scratch.plan()
    let before = try SweepStatus(plan, shards: 4)
    #expect(before.done == 0 && before.runs == 24 && before.array == "0-3")
    #expect(before.firstMissing.count == 5)
    for index in [0, 1, 3] { try plan.run(Shard(index, of: 4)) }
    let status = try SweepStatus(plan, shards: nil)
    #expect(status.parts.count == 4 && status.array == "2" && !status.isComplete)
    #expect(status.parts[2].missing == status.runs - status.done)
    try plan.run(Shard(2, of: 4))
    #expect(try SweepStatus(plan, shards: nil).isComplete)
    // A sweep that has grown wants only what is new.
    let grown = try scratch.plan(Samples.axes.replacing("seeds: 3", with: "seeds: [5, 0, 1]"))
    let after = try SweepStatus(grown, shards: 4)
    #expect(after.done == 16 && after.runs == 24 && after.foreign == 8)
  }

  /// A key is a BLOB of 16 bytes, most significant first; anything else is none.
  @Test func keysAreBytes() throws {
    let key = RunKey(high: 0x0102_0304_0506_0708, low: .max - 1)
    let file = try DatabaseFile("", .making)
    try file.use { database in
      try database.execute(
        "CREATE TABLE t (key BLOB); INSERT INTO t VALUES (x'0102'), (NULL), ('0123456789abcdef0')")
      let insert = try database.statement("INSERT INTO t VALUES (?)")
      insert.bind(key, at: 1)
      try insert.run()
      let rows = try database.rows("SELECT key FROM t ORDER BY rowid")
      for expected in [nil, nil, nil, key] { #expect(try rows.next()?.key(0) == expected) }
      #expect(
        try database.texts("SELECT hex(key) FROM t").last == "0102030405060708FFFFFFFFFFFFFFFE")
    }
  }

  @Test func aCorruptShardIsNamed() throws {
    let scratch = try Scratch()
    let plan = try scratch.plan()
    for index in 0..<3 { try plan.run(Shard(index, of: 3)) }
    let broken = "\(scratch.path)/out/shards/shard-001-of-003.sqlite"
    let lost = try ShardFile.keys(of: broken).count
    try Data(try Data(contentsOf: URL(filePath: broken)).prefix(5000)).write(
      to: URL(filePath: broken))
    func message(_ body: () throws -> Void) -> String {
      do { try body() } catch { return (error as? UserError)?.message ?? "\(error)" }
      return "none"
    }
    let named = "`\(broken)` is corrupt: "
    #expect(message { _ = try plan.merge() }.hasPrefix(named))
    #expect(message { try plan.run(Shard(1, of: 3)) }.hasPrefix(named))
    let status = try SweepStatus(plan, shards: 3)
    #expect(status.array == "1" && status.corrupt.count == 1)
    let merged = try plan.merge(skipsCorrupt: true)
    #expect(merged.missing == lost && merged.runs == 24 - lost && lost > 0)
    try FileManager.default.removeItem(atPath: broken)
    try plan.run(Shard(1, of: 3))
    #expect(try plan.merge().runs == 24)
  }

  /// Results of another version are no results of this one, and are merged only if that is wanted.
  @Test func mixedVersionsAreRefused() throws {
    let scratch = try Scratch()
    let plan = try scratch.plan()
    try plan.run()
    // What a former version would have left: the same points under keys of its own.
    try DatabaseFile(plan.folder.path(of: .whole), .making).use {
      try $0.execute(
        """
        UPDATE runs SET version = '0.0.9', key = CAST(substr(point, 9, 8) || substr(key, 1, 8) AS BLOB)
        WHERE rowid <= 4
        """)
    }
    let status = try SweepStatus(plan, shards: nil)
    #expect(status.done == 20 && status.foreign == 4)
    let profile = try #require(try plan.runs().runs.first).profile
    #expect(
      throws: UserError(
        "the results are mixed: 20 are of version 0.1.0 as it prices now, 4 of version 0.0.9, "
          + "profile \(profile)",
        hint: "run the sweep again to make those anew, or take them as they are: `--allow-mixed`")
    ) { _ = try plan.merge() }
    let mixed = try plan.merge(takesOthers: true)
    #expect(mixed.runs == 24 && mixed.others == 4)
    #expect(try plan.run().made == 4)
    let both = try plan.merge(takesOthers: true)
    #expect(both.runs == 24 && both.duplicates == 4)
  }

  /// What cannot be simulated is a result too: said, kept, and not tried again.
  @Test func impossibleRunsAreKept() throws {
    let scratch = try Scratch()
    let plan = try scratch.plan(
      """
      base: {num-prompts: 5, request-rate: 1, device: a100-40gb@2023}
      axes: {model: [opt-13b, opt-175b], seed: [0, 1]}
      """)
    let outcome = try plan.run()
    #expect(outcome.made == 4 && outcome.impossible == 2 && outcome.isComplete)
    #expect(outcome.firstReason?.hasPrefix("the model does not fit") == true)
    #expect(try plan.run().made == 0)
    let merged = try plan.merge()
    #expect(merged.runs == 2 && merged.failures == 2 && merged.missing == 0)
    let database = try DatabaseFile("\(scratch.path)/out/sweep.sqlite", .reading)
    #expect(
      try database.texts("SELECT settings FROM failures ORDER BY run")
        == ["model=opt-175b seed=0", "model=opt-175b seed=1"])
  }

  @Test func aFolderBelongsToOneSweep() throws {
    let scratch = try Scratch()
    try scratch.plan().run()
    let other = try scratch.plan(name: "other")
    let error = UserError(
      "`\(scratch.path)/out` holds the results of the sweep `sample`, this one is `other`",
      hint: "give this sweep another `output`")
    #expect(throws: error) { try other.run() }
    #expect(throws: error) { _ = try SweepStatus(other, shards: nil) }
    try FileManager.default.createDirectory(
      atPath: "\(scratch.path)/full", withIntermediateDirectories: true)
    try scratch.write("full/thesis.tex", "")
    let full = try scratch.plan(output: "full")
    #expect(
      throws: UserError(
        "`\(scratch.path)/full` is not empty and no sweep's: there is `thesis.tex`",
        hint: "give the sweep an `output` of its own")
    ) { try full.run() }
    let none = try scratch.plan(output: "none")
    #expect(
      throws: UserError(
        "`\(scratch.path)/none` has no results yet",
        hint: "run the sweep: `kvplan sweep run \(scratch.path)/none.yaml`")
    ) { _ = try none.merge() }
  }

  @Test func anEmptyGridIsRefused() throws {
    let scratch = try Scratch()
    let plan = try scratch.plan("seeds: 3\nskip-where: [{seed: \">= 0\"}]")
    #expect(
      throws: UserError(
        "`\(scratch.path)/out.yaml` has nothing to run: `skip-where` leaves out all 3 points")
    ) { try plan.run() }
  }

  /// Capacity is the highest rate below the first that misses; cost is dollars by tokens.
  @Test func viewsAnswerTheCommonQuestions() throws {
    let scratch = try Scratch()
    let plan = try scratch.plan(
      """
      base: {num-prompts: 20, system: vllm-v1, device: a100-40gb@2023}
      axes: {max-num-seqs: [1, 64], request-rate: [0.01, 2, 20]}
      seeds: 2
      metrics: [mean_ttft_ms]
      slo: {chat: {p90_ttft_ms: 1000}}
      """)
    try plan.run()
    _ = try plan.merge()
    let database = try DatabaseFile("\(scratch.path)/out/sweep.sqlite", .reading)
    let header = try scratch.text("out/runs.csv").prefix { $0 != "\n" }
    #expect(
      header
        == "run,key,max_num_seqs,system,model,device,request_rate,completed,rejected,unfinished,"
        + "output_throughput,mean_ttft_ms,p90_ttft_ms,seed,version,gpus,dollars_per_hour,profile")
    #expect(try database.integer("SELECT count(*) FROM latency_by_rate WHERE runs = 2") == 6)
    #expect(
      try database.texts(
        "SELECT max_num_seqs || ' ' || capacity FROM capacity_by_slo ORDER BY max_num_seqs")
        == Self.capacities(database))
    #expect(
      try database.integer(
        """
        SELECT count(*) FROM best_by_cost WHERE abs(dollars_per_million_output_tokens
          - 1.1 / 3600 / output_throughput * 1e6) > 1e-9
        """) == 0)
    #expect(try database.texts("SELECT rank FROM best_by_cost") == ["1", "2"])
  }

  /// Two seeds *a* and *b*: a standard deviation of |*a* − *b*| ⁄ √2, and by Student's t with one degree of freedom an
  /// interval of 12.706 ⁄ √2 of it on both sides of the mean.
  @Test func seedsHaveASpread() throws {
    let scratch = try Scratch()
    let plan = try scratch.plan(
      """
      base: {num-prompts: 20, system: vllm-v1, device: a100-40gb@2023}
      axes: {max-num-seqs: [1, 64], request-rate: [2, 20]}
      seeds: 2
      metrics: [mean_ttft_ms]
      """)
    try plan.run()
    _ = try plan.merge()
    let database = try DatabaseFile("\(scratch.path)/out/sweep.sqlite", .reading)
    let half = "12.706 * sd / 1.4142135623730951"
    #expect(
      try database.integer(
        """
        SELECT count(*) FROM spread_by_rate AS spread JOIN (
          SELECT max_num_seqs, request_rate, avg(mean_ttft_ms) AS mean,
            max(mean_ttft_ms) - min(mean_ttft_ms) AS range
          FROM runs GROUP BY 1, 2) AS naive USING (max_num_seqs, request_rate)
        WHERE metric = 'mean_ttft_ms' AND runs = 2 AND sd > 0
          AND abs(spread.mean - naive.mean) <= 1e-9 * naive.mean
          AND abs(sd - range / 1.4142135623730951) <= 1e-9 * sd
          AND abs(spread.mean - \(half) - ci95_low) <= 1e-9 * spread.mean
          AND abs(spread.mean + \(half) - ci95_high) <= 1e-9 * spread.mean
        """) == 4)
    #expect(try database.integer("SELECT count(*) FROM spread_by_rate") == 4)
    let lines = try scratch.text("out/spread.csv").split(separator: "\n")
    #expect(
      lines[0]
        == "system,model,device,max_num_seqs,request_rate,metric,runs,mean,sd,ci95_low,ci95_high")
    #expect(lines.count == 5)
    #expect(lines[1].hasPrefix("vllm-v1,opt-13b,a100-40gb@2023,1,2.0,mean_ttft_ms,2,"))
  }

  /// A single seed has a mean and nothing around it; what was not measured has no row.
  @Test func oneSeedHasNoSpread() throws {
    let scratch = try Scratch()
    let plan = try scratch.plan(
      """
      base: {num-prompts: 20, system: vllm-v1, device: a100-40gb@2023}
      axes: {request-rate: [2]}
      metrics: [mean_ttft_ms, prefix_cache_hit_rate]
      """)
    try plan.run()
    _ = try plan.merge()
    let lines = try scratch.text("out/spread.csv").split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines[1].hasSuffix(",,,") && lines[1].contains(",mean_ttft_ms,1,"))
  }

  /// Who turns nearly all requests away is fast with the others, and has no capacity.
  @Test func requestsTurnedAwayMissTheirTargets() throws {
    let scratch = try Scratch()
    let plan = try scratch.plan(
      """
      base: {num-prompts: 40, system: vllm-v1, device: a100-40gb@2023}
      axes: {max-model-len: [60, 2048], request-rate: [0.01, 2]}
      seeds: 1
      slo: {p90: {p90_ttft_ms: 1000}, mean: {mean_ttft_ms: 1000}}
      """)
    try plan.run()
    _ = try plan.merge()
    let database = try DatabaseFile("\(scratch.path)/out/sweep.sqlite", .reading)
    #expect(
      try database.integer("SELECT min(rejected > 4) FROM runs WHERE max_model_len = 60") == 1)
    #expect(
      try database.texts(
        "SELECT slo || ' ' || max_model_len || ' ' || coalesce(capacity, 'none') FROM capacity_by_slo "
          + "ORDER BY slo, max_model_len")
        == ["mean 60 none", "mean 2048 2.0", "p90 60 none", "p90 2048 2.0"])
  }

  /// All requests have come and gone before the window begins: such a run says nothing of a rate.
  @Test func runsWithoutRequestsMeetAndMissNothing() throws {
    let scratch = try Scratch()
    let plan = try scratch.plan(
      """
      base: {num-prompts: 20, system: vllm-v1, device: a100-40gb@2023}
      axes: {from-second: [0, 3000], request-rate: [0.01, 2]}
      seeds: 1
      slo: {chat: {p90_ttft_ms: 1000}}
      """)
    try plan.run()
    _ = try plan.merge()
    let database = try DatabaseFile("\(scratch.path)/out/sweep.sqlite", .reading)
    #expect(
      try database.texts(
        "SELECT from_second || ' ' || request_rate || ' ' || coalesce(meets, 'unknown') || ' ' "
          + "|| runs_without_requests FROM slo_by_rate ORDER BY from_second, request_rate")
        == ["0 0.01 1 0", "0 2.0 1 0", "3000 0.01 unknown 1", "3000 2.0 unknown 1"])
    #expect(
      try database.texts(
        "SELECT from_second || ' ' || coalesce(capacity, 'none') FROM capacity_by_slo "
          + "ORDER BY from_second") == ["0 2.0", "3000 none"])
  }

  /// The capacities by hand from the rows: of each rate the worst seed, up to the first rate that misses.
  private static func capacities(_ database: DatabaseFile) throws -> [String] {
    try ["1", "64"].compactMap { limit in
      var capacity: String?
      for rate in ["0.01", "2.0", "20.0"] {
        let worst = try database.texts(
          "SELECT max(p90_ttft_ms) FROM runs WHERE max_num_seqs = \(limit) AND request_rate = \(rate)"
        )
        guard let time = Double(worst[0]), time <= 1000 else { break }
        capacity = "\(limit) \(rate)"
      }
      return capacity
    }
  }
}

extension DatabaseFile {
  fileprivate func texts(_ sql: String) throws -> [String] { try use { try $0.texts(sql) } }
  fileprivate func integer(_ sql: String) throws -> Int { try use { try $0.integer(sql) } }
}
