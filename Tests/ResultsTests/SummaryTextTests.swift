import Testing

@testable import Metrics
@testable import Results

@Suite struct SummaryTextTests {
  @Test func oneRunIsOneObject() {
    #expect(
      SummaryText.json(Samples.summary) == """
        {
          "system": "vllm-sosp23",
          "model": "opt-13b",
          "device": "a100-40gb",
          "request_rate": 1.5,
          "completed": 3,
          "rejected": 1,
          "unfinished": 0,
          "duration": 600.25,
          "request_throughput": 0.005,
          "output_throughput": 0.9,
          "mean_ttft_ms": 120.5,
          "median_ttft_ms": 100.0,
          "p90_ttft_ms": 200.0,
          "p95_ttft_ms": 400.0,
          "p99_ttft_ms": 1000.125,
          "mean_tpot_ms": 25.25,
          "median_tpot_ms": 25.0,
          "p90_tpot_ms": 30.0,
          "p95_tpot_ms": 30.5,
          "p99_tpot_ms": 31.0,
          "mean_itl_ms": null,
          "median_itl_ms": null,
          "p90_itl_ms": null,
          "p95_itl_ms": null,
          "p99_itl_ms": null,
          "mean_e2el_ms": 5000.0,
          "median_e2el_ms": 4000.0,
          "p90_e2el_ms": 9000.0,
          "p95_e2el_ms": 9500.0,
          "p99_e2el_ms": 9900.0,
          "mean_normalized_latency_s_per_token": 0.0321,
          "mean_batched_requests": 7.25,
          "mean_waiting_requests": 0.0,
          "iterations": 1234,
          "preemptions_recompute": 2,
          "preemptions_swap": 1,
          "kv": {
            "num_blocks": 1024,
            "block_size": 16,
            "token_state": 0.5,
            "reserved": 0.125,
            "internal_fragmentation": 0.0625,
            "external_fragmentation": 0.0,
            "cached": 0.0,
            "free": 0.3125,
            "sharing_saving": 0.1,
            "prefix_cache_queried_tokens": null,
            "prefix_cache_hit_tokens": null,
            "prefix_cache_hit_rate": null,
            "prefix_cache_evicted_blocks": null
          },
          "provenance": {
            "seed": 18446744073709551615,
            "version": "0.1.0",
            "cost_profile": "roofline-a100 (error 8 %)",
            "scenario": {
              "model": "opt-13b",
              "trace": "a,\\"b\\".csv",
              "block-size": "16"
            }
          }
        }

        """)
  }

  @Test func severalRunsAreAnArrayOfTheSameObjects() {
    let one = SummaryText.json(Samples.summary)
    let indented = one.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n")
    #expect(
      SummaryText.json([Samples.summary, Samples.summary]) == "[\n\(indented),\n\(indented)\n]\n")
    #expect(SummaryText.json([]) == "[]\n")
  }

  @Test func csvHasOneRowARun() {
    #expect(
      SummaryText.csv([Samples.summary, Samples.otherRun.summary]) == """
        system,model,device,request_rate,completed,rejected,unfinished,duration,\
        request_throughput,output_throughput,mean_ttft_ms,median_ttft_ms,p90_ttft_ms,p95_ttft_ms,\
        p99_ttft_ms,mean_tpot_ms,median_tpot_ms,p90_tpot_ms,p95_tpot_ms,p99_tpot_ms,mean_itl_ms,\
        median_itl_ms,p90_itl_ms,p95_itl_ms,p99_itl_ms,mean_e2el_ms,median_e2el_ms,p90_e2el_ms,\
        p95_e2el_ms,p99_e2el_ms,\
        mean_normalized_latency_s_per_token,mean_batched_requests,mean_waiting_requests,\
        iterations,preemptions_recompute,preemptions_swap,num_blocks,block_size,token_state,\
        reserved,internal_fragmentation,external_fragmentation,cached,free,sharing_saving,\
        prefix_cache_queried_tokens,prefix_cache_hit_tokens,prefix_cache_hit_rate,\
        prefix_cache_evicted_blocks,seed,version,cost_profile,scenario
        vllm-sosp23,opt-13b,a100-40gb,1.5,3,1,0,600.25,0.005,0.9,120.5,100.0,200.0,400.0,\
        1000.125,25.25,25.0,30.0,30.5,31.0,,,,,,5000.0,4000.0,9000.0,9500.0,9900.0,0.0321,7.25,0.0,1234,2,1,1024,16,\
        0.5,0.125,0.0625,0.0,0.0,0.3125,0.1,,,,,18446744073709551615,0.1.0,\
        roofline-a100 (error 8 %),\
        "{""model"":""opt-13b"",""trace"":""a,\\""b\\"".csv"",""block-size"":""16""}"
        vllm-v1,opt-13b,a100-40gb,1.5,3,1,0,600.25,0.005,0.9,,,,,,,,,,,,,,,,,,,,,,7.25,0.0,1234,2,1,\
        1024,16,0.5,0.125,0.0625,0.0,0.25,0.0625,0.1,1000,375,0.375,12,18446744073709551615,0.1.0,\
        roofline-a100 (error 8 %),\
        "{""model"":""opt-13b"",""trace"":""a,\\""b\\"".csv"",""block-size"":""16""}"

        """)
  }

  @Test func stringsAreEscapedAsJSON() {
    #expect(
      JSONValue.text("a\"\\\n\r\t\u{1}\u{1f}é/").compact == #""a\"\\\n\r\t\u0001\u001fé/""#)
    #expect(JSONValue.array([]).indented == "[]")
    #expect(JSONValue.object([]).indented == "{}")
  }

  @Test func csvFieldsAreQuotedWhereTheyMustBe() {
    var summary = Samples.summary
    summary.model = "a \"b\", c\nd"
    #expect(SummaryText.csv([summary]).contains("\nvllm-sosp23,\"a \"\"b\"\", c\nd\",a100-40gb,"))
  }

  @Test func everyKeyIsUnique() {
    let keys = SummaryColumn.all.map(\.key)
    #expect(Set(keys).count == keys.count)
  }

  @Test func theReplicasOfAFleetAreAListInJSONAndRowsInCSV() {
    #expect(!SummaryText.json(Samples.summary).contains("replicas"))
    #expect(
      SummaryText.json(Samples.fleetRun.summary).contains(
        """
          "replicas": [
            {
              "replica": 0,
              "system": "vllm-v1",
              "device": "a100-40gb",
              "requests": 0,
        """))
    #expect(
      SummaryText.replicasCSV([Samples.summary, Samples.fleetRun.summary]) == """
        run,replica,system,device,requests,completed,rejected,output_throughput,mean_ttft_ms,\
        mean_batched_requests,mean_waiting_requests,iterations,preemptions_recompute,\
        preemptions_swap,num_blocks,block_size,token_state,free,prefix_cache_hit_rate
        2,0,vllm-v1,a100-40gb,0,0,0,1.5,,2.25,0.5,7,0,1,64,16,0.0,0.5,
        2,1,vllm-v1,a100-40gb,1,1,0,1.5,10.0,2.25,0.5,7,1,1,64,16,0.01,0.5,

        """)
  }
}
