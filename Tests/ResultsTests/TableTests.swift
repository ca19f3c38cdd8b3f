import Testing

@testable import Metrics
@testable import Results

@Suite struct TableTests {
  private var small: TextTable {
    var table = TextTable([
      .init("system", .left), .init("batched"), .init("TTFT\nmean s"), .init("note", .left),
    ])
    table.rows = [["vllm-sosp23", "30.4", "1.52", ""], ["orca-max", "7", "104", "saturated"]]
    return table
  }

  @Test func columnsAreAligned() {
    #expect(
      small.rendered() == """
        system       batched    TTFT  note
                              mean s
        ───────────  ───────  ──────  ─────────
        vllm-sosp23     30.4    1.52
        orca-max           7     104  saturated

        """)
  }

  @Test func aWideTableIsSplitAndRepeatsItsKeys() {
    #expect(
      small.rendered(maxWidth: 28) == """
        system       batched    TTFT
                              mean s
        ───────────  ───────  ──────
        vllm-sosp23     30.4    1.52
        orca-max           7     104

        system       note
        ───────────  ─────────
        vllm-sosp23
        orca-max     saturated

        """)
    #expect(small.rendered(maxWidth: 5).split(separator: "\n\n").count == 3)
  }

  @Test func compareGroupsByRate() {
    var slow = Samples.summary
    slow.requestRate = 0.5
    slow.system = "orca-max"
    slow.meanBatchedRequests = 3.96
    slow.kv.tokenState = 0.204
    let text = CompareTable.rendered([Samples.summary, Samples.otherRun.summary, slow])
    #expect(
      text == """
        req/s  system       batched  waiting    TTFT     TPOT  norm. latency    out  token state  \
        reserved  internal  external  cached  free  hits  preempt.
                                              mean s  mean ms        s/token  tok/s            %  \
               %         %         %       %     %     %
        ─────  ───────────  ───────  ───────  ──────  ───────  ─────────────  ─────  ───────────  \
        ────────  ────────  ────────  ──────  ────  ────  ────────
        0.500  orca-max         4.0      0.0   0.121     25.3         0.0321  0.900         20.4  \
            12.5       6.3       0.0     0.0  31.3     –         3
         1.50  vllm-sosp23      7.3      0.0   0.121     25.3         0.0321  0.900         50.0  \
            12.5       6.3       0.0     0.0  31.3     –         3
               vllm-v1          7.3      0.0       –        –              –  0.900         50.0  \
            12.5       6.3       0.0    25.0   6.3  37.5         3

        """)
  }

  @Test func compareHidesTheCacheWhereThereIsNone() {
    #expect(!CompareTable.rendered([Samples.summary]).contains("cached"))
    #expect(!CompareTable.rendered([Samples.summary]).contains("hits"))
  }

  @Test func simulateShowsThePrefixCacheWhereThereIsOne() {
    #expect(!SimulateTable.rendered(Samples.summary).contains("prefix cache"))
    #expect(
      SimulateTable.rendered(Samples.otherRun.summary).contains(
        """

        prefix cache
        ───────────────────────────  ────
        queried tokens               1000
        hit tokens                    375
        hit rate, %                  37.5
        evicted blocks                 12

        """))
  }

  @Test func compareFitsTheTerminal() {
    let text = CompareTable.rendered([Samples.summary, Samples.otherRun.summary], maxWidth: 80)
    #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 })
    #expect(text.split(separator: "\n").filter { $0.contains("system") }.count == 3)
  }

  /// Shares of 0, 0.01 and 0.02: the third replica is the fullest, at twice the mean.
  @Test func theFullestReplicaAndTheImbalanceAreNamed() throws {
    var summary = Samples.summary
    #expect(summary.fullestReplica == nil)
    summary.replicas = Samples.replicas(3)
    let fullest = try #require(summary.fullestReplica)
    #expect(fullest.replica.replica == 2)
    #expect(fullest.imbalance == 2)
    // Of equals the lower number; where none holds anything there is no imbalance.
    summary.replicas = [0, 1].map { number in
      var replica = Samples.replicas(1)[0]
      replica.replica = number
      return replica
    }
    #expect(summary.fullestReplica?.replica.replica == 0)
    #expect(summary.fullestReplica?.imbalance == nil)
  }

  @Test func simulateShowsOneRunInGroups() {
    #expect(
      SimulateTable.rendered(Samples.summary) == """
        run
        ───────────────────────────  ───────────
        system                       vllm-sosp23
        model                        opt-13b
        device                       a100-40gb

        requests
        ───────────────────────────  ───────
        request rate, req/s             1.50
        completed                          3
        rejected                           1
        unfinished                         0
        measuring window, s              600
        request throughput, req/s    0.00500
        output throughput, tokens/s    0.900

        latency                        mean  median   p90   p95   p99
        ───────────────────────────  ──────  ──────  ────  ────  ────
        TTFT, ms                        121     100   200   400  1000
        TPOT, ms                       25.3    25.0  30.0  30.5  31.0
        ITL, ms                           –       –     –     –     –
        end to end, ms                 5000    4000  9000  9500  9900
        normalized, s/token          0.0321

        batch
        ───────────────────────────  ────
        batched requests, mean        7.3
        waiting requests, mean        0.0
        iterations                   1234
        preemptions by recompute        2
        preemptions by swap             1

        KV pool
        ───────────────────────────  ────
        blocks                       1024
        block size, tokens             16
        token state, %               50.0
        reserved, %                  12.5
        internal fragmentation, %     6.3
        external fragmentation, %     0.0
        cached, %                     0.0
        free, %                      31.3
        saved by sharing, %          10.0

        provenance
        ───────────────────────────  ─────────────────────────
        seed                         18446744073709551615
        version                      0.1.0
        cost profile                 roofline-a100 (error 8 %)

        """)
  }

  @Test func latenciesHaveThreeSignificantDigits() {
    let cases: [(Double?, String)] = [
      (nil, "–"), (0, "0"), (1, "1.00"), (1.234, "1.23"), (9.994, "9.99"), (9.996, "10.0"),
      (12.34, "12.3"), (99.96, "100"), (123.4, "123"), (1234.5, "1235"), (0.5, "0.500"),
      (0.1234, "0.123"), (0.09996, "0.100"), (0.0999, "0.0999"), (0.01234, "0.0123"),
      (0.001, "0.00100"), (-0.25, "-0.250"), (1e-12, "0.000000000"), (1e16, "1e+16"),
    ]
    for (value, expected) in cases { #expect(Digits.significant(value) == expected) }
  }

  @Test func sharesAreInPercent() {
    #expect(Digits.percent(0.4567) == "45.7")
    #expect(Digits.percent(1) == "100.0")
    #expect(Digits.percent(-0.0001) == "0.0")
  }

  @Test func simulateShowsTheReplicasOfAFleet() {
    #expect(!SimulateTable.rendered(Samples.summary).contains("replica"))
    #expect(
      SimulateTable.rendered(Samples.fleetRun.summary).contains(
        """
        replica                      requests  TTFT mean  batched  waiting  token state, %  preempt.
        ───────────────────────────  ────────  ─────────  ───────  ───────  ──────────────  ────────
        0                                   0          –      2.3      0.5             0.0         1
        1                                   1       10.0      2.3      0.5             1.0         2

        """))
  }

  @Test func ofManyReplicasTheTableShowsTheExtremes() {
    var fleet = Samples.summary
    fleet.replicas = Samples.replicas(17)
    #expect(
      SimulateTable.rendered(fleet).contains(
        """
        fullest of 17: 16                  16        160      2.3      0.5            16.0        17
        median of 17: 8                     8       80.0      2.3      0.5             8.0         9
        emptiest of 17: 0                   0          –      2.3      0.5             0.0         1

        """))
    fleet.replicas = Samples.replicas(16)
    #expect(!SimulateTable.rendered(fleet).contains("median of"))
  }
}
