/// What `kvplan sweep init` writes.
package enum SweepExample {
  /// - Parameter trace: The trace of the example, as found from where the file will lie.
  package static func text(trace: String) -> String {
    """
    # A sweep: every combination of the axes below is one run of `kvplan simulate`.
    #   kvplan sweep run FILE --dry-run    how many runs, about how long, the first of them
    #   kvplan sweep run FILE              makes those that have no result yet; stop it at any time
    #   kvplan sweep merge FILE            one table of all results: SQLite, CSV and a report
    # Paths start from the folder of this file.

    sweep: block-sizes              # its name; the output folder belongs to it
    trace: \(trace)
    output: block-sizes-results

    # Settings of all runs, under the names of the flags of `kvplan simulate`.
    base:
      model: opt-13b
      device: a100-40gb
      num-prompts: 200

    # What varies; the last axis varies fastest. An axis is a list or a range.
    axes:
      system: [vllm-sosp23, vllm-v1, orca-max]
      block-size: [8, 16, 32]
      request-rate: {from: 0.5, to: 4, count: 4, scale: log}   # 0.5, 1, 2, 4
      # max-num-seqs: {from: 64, to: 256, step: 64}            # 64, 128, 192, 256

    # Axes that go in step: the first model with the first device, and so on.
    # zip:
    #   - model: [opt-13b, llama-3.1-8b]
    #     device: [a100-40gb, h100-sxm]

    seeds: 3                        # 0, 1 and 2; or a list

    # Runs to leave out: all clauses of one line hold. Comparisons stand in quotes.
    skip-where:
      - {system: orca-max, block-size: "> 8"}    # Orca has no blocks that matter

    # Columns of the merged table besides those that name a run; leave it out to keep all.
    metrics: [mean_normalized_latency_s_per_token, mean_ttft_ms, p90_ttft_ms, p90_tpot_ms,
      output_throughput, mean_batched_requests, token_state]

    # Limits that the views `capacity_by_slo` and `best_by_cost` ask for.
    slo:
      chat: {p90_ttft_ms: 1000, p90_tpot_ms: 100}

    """
  }
}
