"""A saved model behind HTTP: `MODEL=folder uvicorn --app-dir book/practice --factory serving:app`."""

import os
from typing import Annotated

from fastapi import Body, FastAPI, HTTPException, Query

from reclib.persistence import load
from reclib.recommending import known_items, recommend, similar_items

K = Annotated[int, Query(ge=1, le=100)]


def app(folder: str | None = None) -> FastAPI:
    """The application for the model in ``folder``; it reads users, and answers by identifier."""
    api, model = (
        FastAPI(title="Recommendations"),
        load(folder or os.environ["MODEL"]),
    )
    labels, size = model.user_labels, model.train_matrix.num_rows
    users = {
        str(user): user
        for user in (range(size) if labels is None else labels.ids)
    }
    items = {
        str(item): item for item in known_items(model).ids
    }  # in an address all is text

    def rows(table) -> list[dict]:
        return (
            table.astype(object).where(table.notna(), None).to_dict("records")
        )

    @api.get("/recommend/{user:path}")
    def known_user(user: str, k: K = 10):
        if user not in users:
            raise HTTPException(
                404, f"no history of user {user!r}; POST their items"
            )
        return rows(recommend(model, [users[user]], k))

    @api.post("/recommend")
    def new_user(
        has: Annotated[list[str | int] | dict[str, float], Body()], k: K = 10
    ):
        rated = has if isinstance(has, dict) else dict.fromkeys(has, 1.0)
        known = {
            items[str(i)]: value
            for i, value in rated.items()
            if str(i) in items
        }
        unknown = [i for i in rated if str(i) not in items]
        return {
            "items": rows(recommend(model, {"you": known}, k)),
            "unknown": unknown,
        }

    @api.get("/similar/{item:path}")
    def similar(item: str, k: K = 10):
        if item not in items:
            raise HTTPException(404, f"the model does not know item {item!r}")
        return rows(similar_items(model, [items[item]], k))

    return api
