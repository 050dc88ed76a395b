"""A saved model behind HTTP: `MODEL=folder uvicorn --factory serving:app`."""

import os
from typing import Annotated

from fastapi import Body, FastAPI, HTTPException, Query

from reclib.persistence import load
from reclib.recommending import known_items, recommend, similar_items

K = Annotated[int, Query(ge=1, le=100)]
Items = Annotated[list[str | int] | dict[str, float], Body()]


def app(folder: str | None = None) -> FastAPI:
    """The model in ``folder``, asked by identifier: in an address all is text."""
    api, model = FastAPI(), load(folder or os.environ["MODEL"])
    labels, size = model.user_labels, model.train_matrix.num_rows
    ids = range(size) if labels is None else labels.ids
    users = {str(user): user for user in ids}
    items = {str(item): item for item in known_items(model).ids}

    def rows(table) -> list[dict]:
        table = table.astype(object)
        return table.where(table.notna(), None).to_dict("records")

    @api.get("/recommend/{user:path}")
    def known_user(user: str, k: K = 10):
        if user not in users:
            raise HTTPException(
                404, f"no history of {user!r}; POST their items"
            )
        return rows(recommend(model, [users[user]], k))

    @api.post("/recommend")
    def new_user(has: Items, k: K = 10):
        rated = has if isinstance(has, dict) else dict.fromkeys(has, 1.0)
        known = {items[str(i)]: rated[i] for i in rated if str(i) in items}
        unknown = [i for i in rated if str(i) not in items]
        lists = rows(recommend(model, {"you": known}, k))
        return {"items": lists, "unknown": unknown}

    @api.get("/similar/{item:path}")
    def similar(item: str, k: K = 10):
        if item not in items:
            raise HTTPException(404, f"the model does not know item {item!r}")
        return rows(similar_items(model, [items[item]], k))

    return api
