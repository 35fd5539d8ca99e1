//! A second batch of a part, which nothing of ours would create: it is seen in the next listing, and cancelled.

use std::{sync::Arc, time::Duration};

use aoai_batch_client::{BatchStatus, CreateBatch, PageQuery};
use batch_orchestrator::Stop;

use crate::support::{World, fast, lines};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_batch_of_a_part_is_cancelled_and_the_first_is_kept() {
    let mut config = fast();
    config.batches.validating = Duration::from_millis(300);
    config.batches.in_progress = Duration::from_millis(300);
    let world = World::new(config).await;
    world.put("inbox/a.jsonl", lines("a", 3)).await;
    let client = world.client();
    let pipeline = world.pipeline();
    let (_ask, stop) = Stop::new();
    let meddle = async {
        loop {
            let page = client.list_batches(&PageQuery::default()).await.unwrap();
            if let Some(first) = page.data.first() {
                let again = CreateBatch {
                    input_file_id: first.input_file_id.clone(),
                    endpoint: "/chat/completions".into(),
                    completion_window: "24h".into(),
                    metadata: first.metadata.clone(),
                    ..CreateBatch::default()
                };
                let second = client.create_batch(&again).await.unwrap().batch.id;
                return (first.id.clone(), second);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let (report, (first, second)) = tokio::join!(pipeline.run(Arc::new(()), stop), meddle);
    assert_eq!(report.unwrap().completed, 1);
    assert_eq!(client.get_batch(&first).await.unwrap().status, BatchStatus::Completed);
    let status = client.get_batch(&second).await.unwrap().status;
    assert!(matches!(status, BatchStatus::Cancelling | BatchStatus::Cancelled), "{status:?}");
    let books = world.emulator.control().books().await;
    assert_eq!(books.lines_paid_twice, [], "it was cancelled before it cost anything");
}
