import Testing

@testable import Results

@Suite struct TimelineCSVTests {
  @Test func eachPieceOfEachReplicaIsARow() throws {
    let scratch = try ScratchFolder()
    try ResultFiles.writeTimeline(
      [Samples.otherRun, Samples.fleetRun], to: scratch.at("timeline.csv"))
    #expect(
      try scratch.text("timeline.csv") == """
        run,replica,start_s,duration_s,running,waiting,held_blocks,token_state,reserved,\
        internal_fragmentation,external_fragmentation,cached,free,preemptions
        2,0,0.5,1.0,3.0,1.0,56.0,0.5,0.25,0.0,0.0,0.125,0.125,2
        2,0,1.5,0.25,3.0,1.0,56.0,0.5,0.25,0.0,0.0,0.125,0.125,5
        2,1,0.5,1.0,3.0,1.0,14.0,0.5,0.25,0.0,0.0,0.125,0.125,1

        """)
  }
}
