//! The data moves on: queued work starts, started work ends.

use super::World;
use crate::clock::Time;

impl World {
    /// Moves every unfinished run and its jobs one state on.
    pub(crate) fn tick(&mut self, now: Time) {
        for repo in &mut self.repos {
            let runner = repo.runners.first().map(|runner| runner.id);
            for run in repo.runs.iter_mut().filter(|run| run.status != "completed") {
                let (status, conclusion) = match run.status {
                    "queued" => ("in_progress", None),
                    _ => ("completed", Some("success")),
                };
                (run.status, run.conclusion) = (status, conclusion);
                run.touch(now);
                for job in run.jobs.iter_mut().filter(|job| job.status != "completed") {
                    (job.status, job.conclusion, job.runner) = (status, conclusion, runner);
                    job.completed_at = conclusion.map(|_| run.updated_at);
                }
            }
        }
    }
}
