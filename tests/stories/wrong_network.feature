Feature: A wrong network is refused
  Files come from strangers and names are mistyped. Neither may cost what was earned, nor put real money at risk.

  Scenario: Nothing is lost by trying a wrong network
    Given the computer has earned, with customers who ask 30 times and then no more
    And a file "torn.json" that is no network's
    And a file "false-demo.json" that calls itself the demo network
    And a file "easy-money.json" that promises real money and asks nobody for proofs
    When its owner tries each of these
      | command                                           | reason                              | next step                          |
      | mulberry run --headless --network torn.json       | torn.json is not usable             | Correct the file                   |
      | mulberry run --headless --network false-demo.json | which is a bundled network's name   | Give it another name in the file   |
      | mulberry run --headless --network easy-money.json | on the main network proofs are real | Correct the file                   |
      | mulberry run --headless --network nowhere.json    | could not be read                   | Give the name of a bundled network |
      | mulberry run --headless --network mainnet         | No address of yours is known        | Name the address that is paid      |
    Then each is refused for that reason, with that next step
    And no network was joined and no other agent runs
    And what was earned is still there to the nanoton
    And the computer still works for the demo network
