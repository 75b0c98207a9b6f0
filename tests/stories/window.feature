Feature: The window may come and go
  What earns is another process. The window shows it, and whoever closes the window is not left in doubt.

  Scenario: The first run, with the keyboard alone
    Given somebody who has never opened Mulberry
    When they open its window
    And they answer each page with the Enter key
      | page                          | and choose                  |
      | Lend your GPU, earn Toncoin   |                             |
      | Can this computer earn?       |                             |
      | Which network?                |                             |
      | Where do earnings go?         |                             |
      | Back up the node wallet's key |                             |
      | When may it work?             |                             |
      | What starts when you log in?  | The agent, without a window |
      | What may it tell you?         |                             |
    Then they are at the page "That is all"
    And nothing has begun
    And Mulberry starts when they log in
    When they press the Enter key
    Then the computer earns
    And the window says how much was earned
    When they close the window and open it again
    Then the window says how much was earned
    And they are not asked again

  Scenario: A desktop without a tray
    Given the computer earns, with customers who ask all the time
    And its window is open on a desktop without a tray
    When its owner closes the window
    Then the window says "Mulberry goes on earning without its window."
    And the window says "Start Mulberry again to see it"
    When they choose "Close the window"
    Then the window has ended
    And it goes on earning
    When they open its window
    Then the window says "Earning"
